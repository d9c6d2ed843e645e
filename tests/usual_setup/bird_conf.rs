//! The usual bird.conf: its syntax, its static route, its kernel protocol.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::hand_made::{
    KERNEL, SOON, STATIC, bird_conf, change, change_upstream, falconers, forward, kernel, standby,
};
use falconer_lab::capture::Mark;
use falconer_lab::{Host, Lab, PREFIX4, Plan, Settings, bird, isolated, wait};

/// Adds or deletes the kernel route that a script would.
fn kernel_route(lab: &Lab, verb: &str) -> Result<()> {
    lab.namespace(Host::Hk)
        .run("ip", &["route", verb, PREFIX4, "dev", "lo", "metric", "5"])
        .map(drop)
}

/// What the client hears of a packet to an address of the prefix that nobody has.
fn ping_nobody(lab: &Lab) -> Result<String> {
    let mut ping = lab.namespace(Host::Client).command("ping");
    let output = ping
        .args(["-c", "1", "-W", "2", "-t", "64", "198.51.100.77"])
        .output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn bird_2_refuses_import_and_export_outside_of_a_channel() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let text = "router id 203.0.113.2;\nprotocol device { }\n\n\
                protocol bgp isp_upstream {\n  local as 64501;\n  neighbor 203.0.113.1 as 64500;\n  import all;\n  \
                export where proto = \"static\";\n}\n";
    std::fs::write(file.path(), text).expect("written");
    let output = Command::new(bird::binary())
        .args(["-p", "-c"])
        .arg(file.path())
        .output()
        .expect("BIRD is installed");
    let said =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains(":7:") && said.contains("syntax error"), "{said}");
}

#[test]
fn where_proto_static_exports_nothing_ever() {
    isolated(|| {
        let lab = standby(&bird_conf(
            &format!("{KERNEL}{STATIC}"),
            "",
            "where proto = \"static\"",
        ))?;
        ensure!(lab.standby.state("static1")? == "up");
        let routes = lab.standby.birdc("show route export isp_upstream")?;
        ensure!(!routes.contains(PREFIX4), "{routes}");
        ensure!(lab.upstream.sites(PREFIX4)? == [Host::Cn]);
        lab.capture.must_be_silent(Host::Hk, Mark::START)
    });
}

#[test]
fn a_static_that_is_always_up_announces_always_whatever_the_kernel_has() {
    isolated(|| {
        let lab = standby(&bird_conf(STATIC, "", "where source = RTS_STATIC"))?;
        // The primary lives.
        lab.upstream.until_sites(PREFIX4, &[Host::Cn, Host::Hk], SOON)?;
        let mark = lab.capture.mark()?;
        change(
            &lab,
            &bird_conf(&format!("{KERNEL}{STATIC}"), "", "where source = RTS_STATIC"),
        )?;
        kernel_route(&lab, "add")?;
        lab.power_cut(Host::Cn)?;
        lab.upstream.until_sites(PREFIX4, &[Host::Hk], SOON)?;
        lab.power_back(Host::Cn)?;
        kernel_route(&lab, "del")?;
        lab.upstream.until_sites(PREFIX4, &[Host::Cn, Host::Hk], SOON)?;
        lab.capture.must_be_silent(Host::Hk, mark)
    });
}

#[test]
fn falconer_is_silent_while_the_primary_lives() {
    isolated(|| {
        let (lab, _falconer) = Lab::stand_by(&Plan::default(), &Settings::standby())?;
        ensure!(lab.upstream.sites(PREFIX4)? == [Host::Cn]);
        lab.capture.must_be_silent(Host::Hk, Mark::START)
    });
}

#[test]
fn a_kernel_route_is_picked_up_only_with_learn() {
    isolated(|| {
        let conf = |learn: &str| {
            let kernel =
                format!("protocol kernel {{ {learn} scan time 1; ipv4 {{ import all; export none; }}; }}\n");
            bird_conf(&kernel, "", "where source = RTS_INHERIT")
        };
        let lab = standby(&conf(""))?;
        let mark = lab.capture.mark()?;
        kernel_route(&lab, "add")?;
        // Two scans of the kernel's table.
        wait::pass(Duration::from_millis(2500));
        let routes = lab.standby.birdc("show route")?;
        ensure!(
            !routes.contains("dev lo") && !routes.contains("[kernel1"),
            "{routes}"
        );
        lab.capture.must_be_silent(Host::Hk, mark)?;
        change(&lab, &conf("learn;"))?;
        wait::until_true("learned route", SOON, || {
            Ok(lab
                .standby
                .birdc(&format!("show route {PREFIX4}"))?
                .contains("dev lo"))
        })
    });
}

#[test]
fn a_learned_route_loses_to_what_the_isp_still_tells_of_the_primary() {
    isolated(|| {
        let kernel = "protocol kernel { learn; scan time 1; ipv4 { import all; export none; }; }\n";
        let mut lab = standby(&bird_conf(kernel, "", "where source = RTS_INHERIT"))?;
        kernel_route(&lab, "add")?;
        let mark = lab.capture.mark()?;
        wait::until_true("learned route", SOON, || {
            Ok(lab
                .standby
                .birdc(&format!("show route {PREFIX4}"))?
                .contains("dev lo"))
        })?;
        // What the ISP still tells of the primary has a preference of 100, what is learned one of 10.
        lab.capture.must_be_silent(Host::Hk, mark)?;
        lab.primary.terminate()?;
        lab.capture.announced(Host::Hk, PREFIX4, mark, SOON)?;
        Ok(())
    });
}

#[test]
fn import_all_and_export_all_let_the_isp_route_this_host() {
    isolated(|| {
        let with_default =
            |conf: String| conf + "protocol static everything { ipv4; route 0.0.0.0/0 unreachable; }\n";
        let lab = standby(&bird_conf(KERNEL, "", "none"))?;
        change_upstream(&lab, with_default)?;
        wait::until_true("the ISP's default in the kernel", SOON, || {
            let routes = kernel(&lab, &["proto", "bird"])?;
            Ok(routes.contains("default via 203.0.113.1") && routes.contains(PREFIX4))
        })
    });
}

#[test]
fn falconer_lets_no_route_of_the_isp_into_the_kernel() {
    isolated(|| {
        let settings = Settings::standby().upstream("import = \"default-route\"");
        let with_default = |conf: String| {
            conf + "protocol static everything { ipv4; route 0.0.0.0/0 unreachable; }\n\
                    protocol static everything6 { ipv6; route ::/0 unreachable; }\n"
        };
        let (lab, _falconer) = Lab::stand_by(&Plan::default(), &settings)?;
        change_upstream(&lab, with_default)?;
        wait::until_true("default in BIRD's table", SOON, || {
            Ok(lab.standby.birdc("show route")?.contains("0.0.0.0/0"))
        })?;
        let routes = kernel(&lab, &["proto", "bird"])?;
        ensure!(routes.is_empty(), "{routes}");
        Ok(())
    });
}

#[test]
fn persist_leaves_the_prefix_in_the_kernel_of_a_bird_that_is_gone() {
    isolated(|| {
        let mut lab = standby(&bird_conf(
            &format!("{KERNEL}{STATIC}"),
            "",
            "where source = RTS_STATIC",
        ))?;
        let is_there = |lab: &Lab| Ok(kernel(lab, &["proto", "bird"])?.contains(PREFIX4));
        wait::until_true("prefix in the kernel", SOON, || is_there(&lab))?;
        let version = lab.standby.birdc("show status")?;
        lab.standby.terminate()?;
        // BIRD 3 takes it away when it is stopped in order, whatever `persist` says.
        ensure!(is_there(&lab)? != version.contains("BIRD 3."), "{version}");
        lab.upstream.until_sites(PREFIX4, &[Host::Cn], SOON)
    });
}

#[test]
fn falconer_leaves_nothing_in_the_kernel_when_bird_is_stopped() {
    isolated(|| {
        let (mut lab, _falconer) = falconers()?;
        let routes = kernel(&lab, &["proto", "bird"])?;
        ensure!(routes.contains(&format!("blackhole {PREFIX4}")), "{routes}");
        lab.standby.terminate()?;
        let routes = kernel(&lab, &["proto", "bird"])?;
        ensure!(routes.is_empty(), "{routes}");
        Ok(())
    });
}

#[test]
fn a_route_to_lo_sends_a_packet_for_nobody_round_until_its_ttl_is_used_up() {
    isolated(|| {
        let mut lab = standby(&bird_conf(
            &format!("{KERNEL}{STATIC}"),
            "",
            "where source = RTS_STATIC",
        ))?;
        forward(&lab)?;
        lab.primary.terminate()?;
        lab.upstream.until_sites(PREFIX4, &[Host::Hk], SOON)?;
        wait::until_true("route to lo", SOON, || {
            Ok(kernel(&lab, &[PREFIX4])?.contains("dev lo"))
        })?;
        wait::until_true("packet with its TTL used up", SOON, || {
            Ok(ping_nobody(&lab)?.contains("Time to live exceeded"))
        })
        .with_context(|| format!("at last: {:?}", ping_nobody(&lab)))
    });
}

#[test]
fn falconers_blackhole_drops_a_packet_for_nobody_and_serves_the_others() {
    isolated(|| {
        let (lab, _falconer) = falconers()?;
        forward(&lab)?;
        let served = lab
            .namespace(Host::Client)
            .run("ping", &["-c", "1", "-W", "5", "198.51.100.10"])?;
        ensure!(served.contains("1 received"), "{served}");
        let said = ping_nobody(&lab)?;
        ensure!(
            said.contains("0 received") && !said.contains("exceeded"),
            "{said}"
        );
        Ok(())
    });
}
