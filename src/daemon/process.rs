//! What the kernel says of this process, for the metrics (proc(5)).

use std::fs;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

use crate::config::Config;
use crate::metrics::Process;
use crate::probe;

/// Looks. What cannot be read is left out.
pub(crate) fn look() -> Process {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(spent.tv_sec).ok();
    let nanos = u32::try_from(spent.tv_nsec).ok();
    Process {
        cpu: seconds
            .zip(nanos)
            .map(|(seconds, nanos)| Duration::new(seconds, nanos)),
        resident: field(&status, "VmRSS:").map(|kibibytes| kibibytes * 1024),
        // The directory itself is open while it is read.
        open_fds: fs::read_dir("/proc/self/fd")
            .ok()
            .map(|fds| fds.count().saturating_sub(1) as u64),
        max_fds: getrlimit(Resource::Nofile).current,
        threads: field(&status, "Threads:"),
    }
}

/// No more descriptors than that: no site has so many checks under way, and some programs that an
/// exec probe starts close every number up to the limit.
const OPEN_FILES_LIMIT: u64 = 1 << 20;

/// Raises the soft limit of open files to the hard one. Programs are started with a soft limit of 1,024
/// for the sake of select(2), which is not used here.
pub(crate) fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(u64::MAX).min(OPEN_FILES_LIMIT);
    if limit.current.is_none_or(|current| current >= most) {
        return;
    }
    let raised = Rlimit {
        current: Some(most),
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
}

/// Makes the checks fit into the open files that there may be, and says so where that changes when a
/// death is found.
pub(crate) fn fit_probes(config: &mut Config) {
    let services = config.services.iter_mut();
    let probes = services.flat_map(|service| service.probes.iter_mut().chain(&mut service.serves));
    let mut probes: Vec<_> = probes.chain(&mut config.witnesses).collect();
    let budget = probe::budget();
    let stretch = probe::fit(&mut probes, budget);
    if stretch > 1 {
        tracing::warn!(
            descriptors = budget,
            stretch,
            "too few open files for all probes' checks: retry_interval is stretched, so that a death is found \
             later; raise LimitNOFILE="
        );
    }
}

/// The number of a line of /proc/PID/status.
fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_used_time_memory_and_descriptors() {
        let process = look();
        assert!(process.cpu.is_some_and(|cpu| cpu > Duration::ZERO), "{process:?}");
        assert!(
            process.resident.is_some_and(|resident| resident > 100_000),
            "{process:?}"
        );
        assert!(process.open_fds.is_some_and(|open| open >= 3), "{process:?}");
        assert!(process.threads.is_some_and(|threads| threads >= 1), "{process:?}");
    }

    #[test]
    fn a_line_of_the_status_is_read_by_its_name() {
        assert_eq!(field("VmHWM:\t  9 kB\nVmRSS:\t  1234 kB\n", "VmRSS:"), Some(1234));
        assert_eq!(field("", "VmRSS:"), None);
    }
}
