//! A real BIRD that runs what is rendered, alone in a network namespace of its own: what it rehearses,
//! and what it gives to the kernel.

use std::process::Command;

use falconer_lab::bird::{binary, birdc_binary};

use crate::birds::version;
use crate::configs;
use crate::golden::rendered;

/// What is done in the namespace, in words of the shell. `$1` is BIRD, `$2` birdc. Everything that
/// is started there ends with it.
const STORY: &str = r#"
set -e
birdc() { "$BIRDC" -s bird.ctl "$@"; }
# Waits until the command in $1 succeeds.
until_ok() { for _ in $(seq 200); do if eval "$1"; then return; fi; sleep 0.1; done; echo "never: $1"; exit 1; }
blackhole() { ip route show 198.51.100.0/24 | grep -q blackhole; }

ip link set lo up
"$BIRD" -f -c bird.conf -s bird.ctl -P bird.pid 2>bird.log & bird=$!
trap 'kill $bird; wait $bird || true' EXIT
until_ok 'birdc show status 2>/dev/null | grep -q "Daemon is up"'
until_ok 'birdc show protocols | grep -q "web_v4_shadow .* up "'

echo "== rehearsed by the filter of the service's upstream"
birdc show route table rehearsal4 filter to_isp_upstream_v4 | grep -o '^198.51.100.0/24'
echo "== by a filter that lets nothing through"
birdc show route table rehearsal4 filter to_nobody | grep -o '^198.51.100.0/24' || echo nothing
echo "== announced by nobody"
birdc show route | grep -o '^198.51.100.0/24' || echo nothing
blackhole || echo "nothing in the kernel"

birdc 'enable "web_v4_drain"' >/dev/null
birdc 'enable "web_v4"' >/dev/null
until_ok blackhole
echo "== both strengths are up: the full one is preferred"
birdc show route primary | grep -o '\[web_v4.*' | sed 's/ .*\*/ */'
echo "== the kernel has it, behind every route of the host's own"
ip route show 198.51.100.0/24 | sed 's/ *$//'
ip route add 198.51.100.0/24 dev lo
ip route get 198.51.100.7 | grep -o 'dev lo'
ip route del 198.51.100.0/24 dev lo

birdc 'disable "web_v4_drain"' >/dev/null
birdc 'disable "web_v4"' >/dev/null
until_ok '! blackhole'
echo "== and no longer than it is announced"
blackhole || echo "nothing in the kernel"
"#;

const ENDING: &str = "\
== rehearsed by the filter of the service's upstream
198.51.100.0/24
== by a filter that lets nothing through
nothing
== announced by nobody
nothing
nothing in the kernel
== both strengths are up: the full one is preferred
[web_v4 * (200)
== the kernel has it, behind every route of the host's own
blackhole 198.51.100.0/24 proto bird metric 20000
dev lo
== and no longer than it is announced
nothing in the kernel
";

#[test]
fn a9_a_real_bird_rehearses_prefers_and_cleans_up_as_the_comments_say() {
    let dir = tempfile::tempdir().unwrap();
    let text = format!(
        "{}filter to_nobody {{ reject; }}\n",
        rendered(&configs::standby(), &version())
    );
    std::fs::write(dir.path().join("bird.conf"), text).unwrap();
    let output = Command::new("unshare")
        .args([
            "--map-root-user",
            "--net",
            "--pid",
            "--fork",
            "--kill-child",
            "sh",
            "-c",
            STORY,
        ])
        .env("BIRD", binary())
        .env("BIRDC", birdc_binary())
        .current_dir(dir.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let log = std::fs::read_to_string(dir.path().join("bird.log")).unwrap_or_default();
    assert_eq!(told, ENDING, "{}\n{log}", String::from_utf8_lossy(&output.stderr));
}
