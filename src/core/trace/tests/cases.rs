//! Whole stories, from falconer.toml and a written trace to what `falconer simulate` prints of them: outages
//! in which a takeover or a failback would be wrong, or has to come in time.

use crate::config;
use crate::core::failures;
use crate::core::trace::{Trace, format, simulate};

const SITE: &str = r#"
[site]
name = "standby1"
[[upstream]]
name = "transit"
[[witness]]
name = "dns"
type = "icmp"
target = "192.0.2.53"
[[witness]]
name = "router"
type = "icmp"
target = "198.51.100.1"
[[service]]
name = "shop"
role = "standby"
prefixes = ["203.0.113.0/24"]
protocols = ["shop_v4"]
"#;

const HOST: &str = r#"
[[service.probe]]
name = "host"
type = "icmp"
target = "198.18.0.7"
"#;

const WEB: &str = r#"
[[service.probe]]
name = "web"
type = "http"
url = "https://shop.example.net/health"
"#;

/// The primary's own word; `VOTES` is filled in.
const PEER: &str = r#"
[[service.probe]]
name = "peer"
type = "http"
url = "http://198.18.0.7:9180/v1/services/shop/announced"
on_no_answer = "error"
error_status = ["300-502", "504-599"]
votes = "VOTES"
decides = "down"
"#;

const SLOW: &str = r#"
[[service.probe]]
name = "deep"
type = "exec"
command = ["/bin/true"]
interval = "60s"
retry_interval = "60s"
timeout = "5s"
fall = 1
rise = 1
"#;

fn peer(votes: &str) -> String {
    PEER.replace("VOTES", votes)
}

/// One story.
struct Case {
    name: &'static str,
    /// What is added to [`SITE`].
    service: String,
    trace: &'static str,
    /// What is printed after both witnesses are known to be up.
    told: &'static [&'static str],
}

fn consent() -> Case {
    Case {
        name: "an operator's consent outlives a probe that fails for a moment",
        service: format!("failback = \"manual\"\nfailback_delay = \"2m\"\n{HOST}{WEB}"),
        trace: r#"
{"at": "20s", "probe": "shop/host", "result": "fail"}
{"at": "20s", "probe": "shop/web", "result": "fail"}
{"at": "60s", "probe": "shop/host", "result": "pass"}
{"at": "60s", "probe": "shop/web", "result": "pass"}
{"at": "100s", "service": "shop", "ask": "failback"}
{"at": "130s", "probe": "shop/web", "result": "fail", "after": "5ms"}
{"at": "134s", "probe": "shop/web", "result": "pass"}
{"at": "30m", "end": true}
"#,
        told: &[
            "23.500 shop: off -> full by D4: host down, web down",
            "100.000 shop: failback allowed by trace",
            "258.001 shop: full -> off by D4: host up, web up",
        ],
    }
}

fn isolated_again_and_again() -> Case {
    Case {
        name: "withdrawals by own isolation count towards no latch, and the failback comes",
        service: format!("on_isolated = \"withdraw\"\n{HOST}{}", peer("up")),
        trace: r#"
{"at": "20s", "probe": "shop/host", "result": "fail"}
{"at": "20s", "probe": "shop/peer", "result": "error", "after": "1ms"}
{"at": "100s", "probe": "witness/dns", "result": "fail"}
{"at": "100s", "probe": "witness/router", "result": "fail"}
{"at": "130s", "probe": "witness/dns", "result": "pass"}
{"at": "130s", "probe": "witness/router", "result": "pass"}
{"at": "220s", "probe": "witness/dns", "result": "fail"}
{"at": "220s", "probe": "witness/router", "result": "fail"}
{"at": "250s", "probe": "witness/dns", "result": "pass"}
{"at": "250s", "probe": "witness/router", "result": "pass"}
{"at": "340s", "probe": "witness/dns", "result": "fail"}
{"at": "340s", "probe": "witness/router", "result": "fail"}
{"at": "370s", "probe": "witness/dns", "result": "pass"}
{"at": "370s", "probe": "witness/router", "result": "pass"}
{"at": "1000s", "probe": "shop/host", "result": "pass"}
{"at": "1000s", "probe": "shop/peer", "result": "pass"}
{"at": "1200s", "end": true}
"#,
        told: &[
            "23.000 shop: off -> full by D4: host down",
            "106.750 site: connected -> isolated",
            "106.750 shop: full -> off by D5: this site is isolated: withdrawn by on_isolated",
            "131.751 site: isolated -> connected",
            "134.751 shop: off -> full by D4: host down",
            "226.750 site: connected -> isolated",
            "226.750 shop: full -> off by D5: this site is isolated: withdrawn by on_isolated",
            "251.751 site: isolated -> connected",
            "254.751 shop: off -> full by D4: host down",
            "346.750 site: connected -> isolated",
            "346.750 shop: full -> off by D5: this site is isolated: withdrawn by on_isolated",
            "371.751 site: isolated -> connected",
            "374.751 shop: off -> full by D4: host down",
            "1030.502 shop: full -> off by D4: host up, peer up",
        ],
    }
}

fn withdrawn_then_mute() -> Case {
    Case {
        name: "the primary withdrew, and its Falconer is gone since: nobody else announces, so it is kept",
        service: format!("{HOST}{}", peer("up")),
        trace: r#"
{"at": "20s", "probe": "shop/peer", "result": "fail", "after": "1ms"}
{"at": "120s", "probe": "shop/peer", "result": "error", "after": "1ms"}
{"at": "10m", "end": true}
"#,
        told: &["23.501 shop: off -> full by D4: peer down"],
    }
}

fn power_failure() -> Case {
    Case {
        name: "the primary's power fails, and its own word is missing: taken over",
        service: format!("{HOST}{}", peer("up")),
        trace: r#"
{"at": "20s", "probe": "shop/host", "result": "fail"}
{"at": "20s", "probe": "shop/peer", "result": "error", "after": "2s"}
{"at": "30m", "end": true}
"#,
        told: &["23.000 shop: off -> full by D4: host down"],
    }
}

fn fails_an_hour_apart() -> Case {
    Case {
        name: "fails from before an hour of errors do not add up with a short cut of the own uplink",
        service: format!("{HOST}{WEB}"),
        trace: r#"
{"at": "20s", "probe": "shop/host", "result": "fail", "after": "10ms"}
{"at": "20s", "probe": "shop/web", "result": "fail", "after": "10ms"}
{"at": "20800ms", "probe": "shop/host", "result": "error", "after": "1ms"}
{"at": "20800ms", "probe": "shop/web", "result": "error", "after": "1ms"}
{"at": "3620s", "probe": "shop/host", "result": "fail"}
{"at": "3620s", "probe": "shop/web", "result": "fail"}
{"at": "3620s", "probe": "witness/dns", "result": "fail"}
{"at": "3620s", "probe": "witness/router", "result": "fail"}
{"at": "3622200ms", "probe": "shop/host", "result": "pass"}
{"at": "3622200ms", "probe": "shop/web", "result": "pass"}
{"at": "3622200ms", "probe": "witness/dns", "result": "pass"}
{"at": "3622200ms", "probe": "witness/router", "result": "pass"}
{"at": "3700s", "end": true}
"#,
        told: &[],
    }
}

fn the_slow_probe_is_asked() -> Case {
    Case {
        name: "a probe that looks every five minutes is asked at once when another one turns down",
        service: format!("{HOST}{WEB}interval = \"5m\"\n"),
        trace: r#"
{"at": "200s", "probe": "shop/host", "result": "fail"}
{"at": "204s", "probe": "shop/web", "result": "fail"}
{"at": "30m", "end": true}
"#,
        told: &["210.000 shop: off -> full by D4: host down, web down"],
    }
}

fn one_witness_unknown() -> Case {
    Case {
        name: "a cut of the own uplink while one witness cannot be asked",
        service: HOST.to_owned(),
        trace: r#"
{"at": "0s", "probe": "witness/dns", "result": "error", "after": "1ms"}
{"at": "21s", "probe": "shop/host", "result": "fail"}
{"at": "21s", "probe": "witness/router", "result": "fail"}
{"at": "40s", "probe": "witness/router", "result": "pass"}
{"at": "40s", "probe": "shop/host", "result": "fail", "after": "20ms"}
{"at": "41200ms", "probe": "shop/host", "result": "pass"}
{"at": "200s", "end": true}
"#,
        told: &[
            "26.750 site: connected -> unknown: too few witnesses are known to be up",
            "40.751 site: unknown -> connected",
        ],
    }
}

fn both_witnesses_down() -> Case {
    Case {
        name: "the same while both witnesses are down",
        service: HOST.to_owned(),
        trace: r#"
{"at": "21s", "probe": "witness/dns", "result": "fail"}
{"at": "40s", "probe": "witness/dns", "result": "pass"}
{"at": "21s", "probe": "shop/host", "result": "fail"}
{"at": "21s", "probe": "witness/router", "result": "fail"}
{"at": "40s", "probe": "witness/router", "result": "pass"}
{"at": "40s", "probe": "shop/host", "result": "fail", "after": "20ms"}
{"at": "41200ms", "probe": "shop/host", "result": "pass"}
{"at": "200s", "end": true}
"#,
        told: &[
            "26.750 site: connected -> isolated",
            "40.501 site: isolated -> connected",
        ],
    }
}

fn one_fail_is_enough() -> Case {
    Case {
        name: "with fall = 1 the time-out of the first check after the death is all that is waited",
        service: SLOW.to_owned(),
        trace: r#"
{"at": "61s", "probe": "shop/deep", "result": "fail"}
{"at": "10m", "end": true}
"#,
        // The check of 120 s fails at 125 s; a witness's answer follows it.
        told: &["125.001 shop: off -> full by D4: deep down"],
    }
}

/// What is wrong with a configuration when every outage is played through it.
fn refused(service: &str) -> Vec<&'static str> {
    let text = format!("{SITE}{service}");
    let found = failures::load(&text, "falconer.toml").err().unwrap_or_default();
    found.iter().map(|found| found.code).collect()
}

/// What `falconer simulate` prints, without the witnesses' first answers.
fn printed(case: &Case) -> Vec<String> {
    let text = format!("{SITE}{}", case.service);
    let (config, _) = config::load(&text, "falconer.toml").expect("a good configuration");
    let trace = Trace::parse(case.trace, &config).expect("a good trace");
    let notes = simulate(&config, &trace).into_iter();
    let shown = notes.filter(|(_, note)| !note.is_detail());
    let told = shown.map(|(at, note)| {
        let seconds = at.since_start().as_secs_f64();
        (seconds, format!("{seconds:.3} {}", format::tell(&config, &note)))
    });
    let told = told.skip_while(|(seconds, _)| *seconds < 2.0);
    told.map(|(_, told)| told).collect()
}

#[test]
fn d4_what_simulate_prints_of_each_outage_is_what_is_right() {
    let cases = [
        consent(),
        isolated_again_and_again(),
        withdrawn_then_mute(),
        power_failure(),
        fails_an_hour_apart(),
        the_slow_probe_is_asked(),
        one_witness_unknown(),
        both_witnesses_down(),
        one_fail_is_enough(),
    ];
    for case in &cases {
        assert_eq!(printed(case), case.told, "{}", case.name);
    }
}

#[test]
fn d19_a_probe_of_the_peer_whose_votes_leave_an_outage_untold_is_refused() {
    let with = |votes: &str| refused(&format!("{HOST}{}", peer(votes)));
    assert_eq!(with("none"), ["verdict-comes-wrongly"]);
    assert_eq!(with("both"), ["verdict-never-comes"]);
    assert_eq!(with("up"), [""; 0]);
}
