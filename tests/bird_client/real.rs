//! The client against the real BIRD, in a network namespace of its own; both are gone with the test.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use falconer::bird::client::{BirdClient, BirdError};
use falconer::bird::parse::{ConfigureReply, DaemonState, ProtocolState, SwitchReply};
use falconer::model::snapshot::BirdState;
use falconer_lab::bird::Bird;
use falconer_lab::netns::Netns;
use ipnet::IpNet;
use tokio::time::{Instant, sleep};

use crate::{SOON, error_of, link_when, net, up};

/// As [`crate::PATIENCE`]; a test makes BIRD hang for that long.
const PATIENCE: Duration = Duration::from_secs(1);

const STANDBY: &str = r#"
router id 10.0.0.2;
protocol device {}
protocol static web_v4 { disabled; ipv4 { preference 200; }; route 198.51.100.0/24 blackhole; }
protocol static web_v6 { disabled; ipv6 { preference 200; }; route 2001:db8:5100::/48 blackhole; }
template bgp isp {
  multihop; strict bind;
  connect delay time 1; connect retry time 1; error wait time 1, 1;
}
protocol bgp isp_both from isp {
  local 10.0.0.2 as 64501; neighbor 10.0.0.1 as 64500;
  ipv4 { import none; next hop address 10.0.0.2;
    export filter { bgp_community.add((64500, 80)); bgp_large_community.add((64501, 1, 344)); accept; }; };
  ipv6 { import none; export all; next hop address 2001:db8::2; };
}
protocol bgp isp_v4 from isp {
  local 10.0.0.3 as 64501; neighbor 10.0.0.4 as 64500;
  ipv4 { import none; export none; };
}
"#;

const ISP: &str = r#"
router id 10.0.0.1;
protocol device {}
template bgp hk { multihop; strict bind; passive; }
protocol bgp hk_both from hk {
  local 10.0.0.1 as 64500;
  neighbor 10.0.0.2 as 64501; ipv4 { import all; export none; }; ipv6 { import all; export none; };
}
protocol bgp hk_v4 from hk { local 10.0.0.4 as 64500; neighbor 10.0.0.3 as 64501; ipv4 { import all; export none; }; }
"#;

/// BIRDs in one namespace, each in a directory of its own.
struct World {
    namespace: Netns,
    directory: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        // BIRD's user reads the files.
        let directory = tempfile::Builder::new()
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir()
            .expect("a directory");
        let namespace = Netns::alone().expect("a namespace");
        for host in 1..=4 {
            let line = format!("ip address add 10.0.0.{host}/32 dev lo");
            namespace.run_line(&line).expect("an address");
        }
        Self { namespace, directory }
    }

    fn bird(&self, name: &str, configuration: &str) -> Bird {
        let bird = Bird::new(&self.namespace, &self.directory.path().join(name));
        let mut bird = bird.expect("its directories");
        bird.configure_with(configuration).expect("a configuration");
        bird.start().expect("it starts");
        bird
    }
}

fn client(bird: &Bird) -> BirdClient {
    BirdClient::spawn(bird.socket(), PATIENCE)
}

/// The protocol as soon as it is in that state: replies precede the effect.
async fn settled(client: &BirdClient, name: &str, state: ProtocolState) {
    let began = Instant::now();
    loop {
        let detail = client.show_protocol(name).await.expect("it is there");
        if detail.protocol.state == state {
            return;
        }
        assert!(began.elapsed() < SOON, "{name} is {:?}", detail.protocol.state);
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_static_protocol_is_enabled_and_disabled_and_read_back() {
    let world = World::new();
    let bird = world.bird("hk", STANDBY);
    let client = client(&bird);
    let status = client.show_status().await.expect("a status");
    assert_eq!(Some(status.version), up(&client).await.version);
    assert_eq!(status.daemon, DaemonState::Running);
    assert_eq!(status.router_id.as_deref(), Some("10.0.0.2"));
    assert!(status.last_reboot.is_some() && !status.graceful_restart_recovery);

    let web = net("198.51.100.0/24");
    let routes = client.show_static("web_v4").await.expect("its routes");
    assert_eq!(routes.iter().map(|route| route.prefix).collect::<Vec<_>>(), [web]);
    assert_eq!(client.show_route(web, None).await, Ok(vec![]));

    let reason = "D4: 主站点已死 \"really\"";
    assert_eq!(client.enable("web_v4", reason).await, Ok(SwitchReply::Enabled));
    assert_eq!(
        client.enable("web_v4", reason).await,
        Ok(SwitchReply::AlreadyEnabled)
    );
    settled(&client, "web_v4", ProtocolState::Up).await;
    let detail = client.show_protocol("web_v4").await.expect("it is there");
    assert_eq!(detail.message.as_deref(), Some("D4: 主站点已死 'really'"));
    let [channel] = &detail.channels[..] else {
        panic!("{detail:?}")
    };
    assert_eq!((channel.name.as_str(), channel.preference), ("ipv4", Some(200)));
    let known = client.show_route(web, Some("web_v4")).await.expect("its route");
    assert_eq!(
        (known.len(), known[0].preference, known[0].primary),
        (1, Some(200), true)
    );

    assert_eq!(
        client.disable("web_v4", "D4: back").await,
        Ok(SwitchReply::Disabled)
    );
    assert_eq!(
        client.disable("web_v4", "").await,
        Ok(SwitchReply::AlreadyDisabled)
    );
    settled(&client, "web_v4", ProtocolState::Down).await;
    assert_eq!(client.show_route(web, Some("web_v4")).await, Ok(vec![]));

    let missing = BirdError::NoSuchProtocol {
        name: "nosuch".into(),
    };
    assert_eq!(client.enable("nosuch", "").await, Err(missing.clone()));
    assert_eq!(client.show_protocol("nosuch").await, Err(missing.clone()));
    assert_eq!(client.show_static("nosuch").await, Err(missing.clone()));
    assert_eq!(
        client.show_static("no-such").await,
        Err(BirdError::NoSuchProtocol {
            name: "no-such".into()
        })
    );
    assert_eq!(client.show_route_exported(web, "nosuch").await, Err(missing));
    assert_eq!(client.show_bfd_sessions().await, Ok(vec![]));
}

#[tokio::test]
async fn a5_what_is_sent_is_read_per_family_of_a_session() {
    let world = World::new();
    let mut isp = world.bird("isp", ISP);
    let bird = world.bird("hk", STANDBY);
    let (client, upstream) = (client(&bird), client(&isp));
    let (v4, v6) = (net("198.51.100.0/24"), net("2001:db8:5100::/48"));
    settled(&client, "isp_both", ProtocolState::Up).await;
    settled(&client, "isp_v4", ProtocolState::Up).await;

    assert_eq!(client.show_route_exported(v4, "isp_both").await, Ok(vec![]));
    assert_eq!(client.show_route_exported(v6, "isp_both").await, Ok(vec![]));
    let no_such_family = Err(BirdError::SessionDown {
        protocol: "isp_v4".into(),
    });
    assert_eq!(client.show_route_exported(v6, "isp_v4").await, no_such_family);

    client.enable("web_v4", "").await.expect("accepted");
    client.enable("web_v6", "").await.expect("accepted");
    for prefix in [v4, v6] {
        let began = Instant::now();
        while client
            .show_route_exported(prefix, "isp_both")
            .await
            .expect("it is up")
            .is_empty()
        {
            assert!(began.elapsed() < SOON, "{prefix} is never sent");
        }
    }
    let sent = client
        .show_route_exported(v6, "isp_both")
        .await
        .expect("it is up");
    assert_eq!(
        (sent.len(), sent[0].prefix, sent[0].protocol.as_str()),
        (1, v6, "web_v6")
    );
    assert_eq!(
        client.show_route_exported(v4, "isp_v4").await,
        Ok(vec![]),
        "its filter lets nothing out"
    );

    arrived(&upstream, v4).await;

    let session = client.show_protocols().await.expect("protocols");
    assert!(
        session
            .iter()
            .any(|protocol| protocol.name == "isp_both" && protocol.is_established())
    );
    isp.terminate().expect("it ends");
    gone(&client, v4).await;
}

/// What the other side got is read back with its attributes.
async fn arrived(upstream: &BirdClient, v4: IpNet) {
    let began = Instant::now();
    while upstream
        .show_route(v4, Some("hk_both"))
        .await
        .expect("it answers")
        .is_empty()
    {
        assert!(began.elapsed() < SOON, "it never arrives");
    }
    let got = upstream
        .show_route(v4, Some("hk_both"))
        .await
        .expect("it answers")
        .remove(0);
    assert_eq!(
        (got.as_path.as_deref(), got.origin_as),
        (Some("64501"), Some(64501))
    );
    assert_eq!(got.bgp_next_hop, Some("10.0.0.2".parse().expect("an address")));
    assert_eq!(
        (&got.communities[..], &got.large_communities[..]),
        (&[(64500, 80)][..], &[(64501, 1, 344)][..])
    );
}

/// The session went down with the other side.
async fn gone(client: &BirdClient, v4: IpNet) {
    settled(client, "isp_both", ProtocolState::Starting).await;
    let down = Err(BirdError::SessionDown {
        protocol: "isp_both".into(),
    });
    assert_eq!(client.show_route_exported(v4, "isp_both").await, down);
    let session = client.show_protocols().await.expect("protocols");
    let session = session
        .iter()
        .find(|protocol| protocol.name == "isp_both")
        .expect("it is there");
    assert!(!session.is_established());
    assert!(
        session.bgp_state().is_some() && session.last_error().is_some(),
        "{session:?}"
    );
}

#[tokio::test]
async fn a4_birds_hanging_dying_and_stopping_are_told_apart() {
    let world = World::new();
    let mut bird = world.bird("hk", STANDBY);
    let client = client(&bird);
    assert_eq!(up(&client).await.connects, 1);

    bird.freeze().expect("it runs");
    assert_eq!(
        client.show_status().await,
        Err(BirdError::Timeout { after: PATIENCE })
    );
    assert_eq!(
        link_when(&client, |link| link.state != BirdState::Up).await.state,
        BirdState::Busy
    );
    bird.thaw().expect("it runs");
    assert_eq!(up(&client).await.connects, 2);

    bird.kill().expect("it runs");
    let died = link_when(&client, |link| error_of(link).contains("died and left")).await;
    assert_eq!(died.state, BirdState::Down);
    bird.start().expect("it starts");
    assert_eq!(up(&client).await.connects, 3);
    assert!(client.show_protocols().await.is_ok());

    bird.terminate().expect("it ends");
    let stopped = link_when(&client, |link| error_of(link).contains("BIRD is stopped")).await;
    assert_eq!(stopped.state, BirdState::Down);
}

#[tokio::test]
async fn a9_a_file_is_tried_and_confirmed() {
    let world = World::new();
    let bird = world.bird("hk", STANDBY);
    let client = client(&bird);
    let idle = client.configure_status().await.expect("a status");
    assert!(!idle.in_progress && idle.undo_in.is_none());
    let tried = client
        .configure_timeout(Duration::from_secs(30))
        .await
        .expect("accepted");
    assert!(
        matches!(tried, ConfigureReply::Done | ConfigureReply::InProgress),
        "{tried:?}"
    );
    let undo_in = client
        .configure_status()
        .await
        .expect("a status")
        .undo_in
        .expect("a timer");
    assert!(
        undo_in > Duration::from_secs(20) && undo_in <= Duration::from_secs(30),
        "{undo_in:?}"
    );
    assert_eq!(client.configure_confirm().await, Ok(ConfigureReply::Confirmed));
    assert_eq!(client.configure_confirm().await, Ok(ConfigureReply::NothingToDo));
}
