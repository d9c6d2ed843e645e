//! What the kernel says of this process, for the metrics (proc(5)).

use std::fs;
use std::time::Duration;

use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use crate::metrics::Process;

/// Looks. What cannot be read is left out.
pub(super) fn look() -> Process {
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
