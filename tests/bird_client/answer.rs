//! What each command answers, in the words of each version.

use std::time::Duration;

use falconer::bird::client::BirdError;
use falconer::bird::parse::{ConfigureReply, Dest, ProtocolState, SwitchReply};

use crate::{Pair, daemon, link_when, net, pair, up};
use falconer_lab::fake_bird::{Daemon, Fault};

#[tokio::test]
async fn every_question_is_answered_in_the_words_of_every_version() {
    for version in ["2.0.12", "2.19.2+branch.x", "3.3.2"] {
        let Pair {
            bird,
            client,
            _directory,
        } = pair(daemon(version));
        assert_eq!(
            client.show_status().await.expect("a status").version.text,
            version
        );
        assert_eq!(up(&client).await.version.expect("a version").text, version);

        let protocols = client.show_protocols().await.expect("protocols");
        let web = protocols
            .iter()
            .find(|protocol| protocol.name == "web_v4")
            .expect("it is there");
        assert_eq!(
            (web.state, web.table.as_deref()),
            (ProtocolState::Down, Some("master4"))
        );
        let isp = protocols
            .iter()
            .find(|protocol| protocol.name == "isp_upstream")
            .expect("it is there");
        assert!(isp.is_established());

        assert_eq!(
            client.enable("web_v4", "D4: the primary is down").await,
            Ok(SwitchReply::Enabled)
        );
        assert_eq!(
            client.enable("web_v4", "again").await,
            Ok(SwitchReply::AlreadyEnabled)
        );
        let detail = client.show_protocol("web_v4").await.expect("it is there");
        assert_eq!(detail.message.as_deref(), Some("D4: the primary is down"));
        assert_eq!(detail.protocol.state, ProtocolState::Up);
        assert_eq!(detail.channels.len(), 1);

        let prefixes = client.show_static("web_v4").await.expect("its routes");
        assert_eq!(
            prefixes.iter().map(|route| route.prefix).collect::<Vec<_>>(),
            [net("198.51.100.0/24")]
        );
        let sent = client
            .show_route_exported(net("198.51.100.0/24"), "isp_upstream")
            .await
            .expect("sent");
        assert_eq!(
            (sent.len(), &sent[0].protocol, &sent[0].dest),
            (1, &"web_v4".to_owned(), &Dest::Blackhole)
        );
        let known = client
            .show_route(net("198.51.100.0/24"), None)
            .await
            .expect("routes");
        assert_eq!(known.len(), 1);

        assert_eq!(client.disable("web_v4", "").await, Ok(SwitchReply::Disabled));
        assert_eq!(
            client.disable("web_v4", "").await,
            Ok(SwitchReply::AlreadyDisabled)
        );
        assert_eq!(
            client
                .show_route_exported(net("198.51.100.0/24"), "isp_upstream")
                .await,
            Ok(vec![])
        );
        assert_eq!(client.show_bfd_sessions().await, Ok(vec![]));
        assert_eq!(bird.connections(), 1, "one connection for everything");
    }
}

#[tokio::test]
async fn what_is_missing_or_not_up_has_an_error_of_its_own() {
    for version in ["2.0.12", "3.3.2"] {
        let Pair {
            bird,
            client,
            _directory,
        } = pair(daemon(version));
        let missing = BirdError::NoSuchProtocol {
            name: "nosuch".into(),
        };
        let prefix = net("198.51.100.0/24");
        assert_eq!(client.show_protocol("nosuch").await, Err(missing.clone()));
        assert_eq!(client.show_static("nosuch").await, Err(missing.clone()));
        assert_eq!(client.enable("nosuch", "").await, Err(missing.clone()));
        assert_eq!(client.show_route_exported(prefix, "nosuch").await, Err(missing));

        let down = BirdError::SessionDown {
            protocol: "isp_upstream".into(),
        };
        assert_eq!(
            client
                .show_route_exported(net("2001:db8:5100::/48"), "isp_upstream")
                .await,
            Err(down.clone())
        );
        bird.with(|daemon| daemon.set_session("isp_upstream", "Active", "Socket: Connection refused"));
        assert_eq!(
            client.show_route_exported(prefix, "isp_upstream").await,
            Err(down)
        );
        assert_eq!(
            bird.connections(),
            1,
            "an answer that says no is no fault of the connection"
        );
    }
}

#[tokio::test]
async fn what_bird_must_not_be_sent_never_leaves() {
    let Pair {
        bird,
        client,
        _directory,
    } = pair(daemon("2.0.12"));
    for name in ["web*", "", "a\"b", "a\nb", "a b"] {
        assert!(
            matches!(client.enable(name, "").await, Err(BirdError::Unfit { .. })),
            "{name:?}"
        );
    }
    client
        .enable("web_v4", "say \"when\"\nconfigure")
        .await
        .expect("accepted");
    assert_eq!(bird.lines(), ["enable \"web_v4\" \"say 'when' configure\""]);
}

#[tokio::test]
async fn a_socket_that_only_reads_says_what_to_do() {
    let Pair {
        bird,
        client,
        _directory,
    } = pair(daemon("2.19.2"));
    bird.plan("enable", Fault::Deny);
    let error = client.enable("web_v4", "").await.expect_err("denied");
    assert_eq!(error, BirdError::Restricted);
    assert!(error.to_string().contains("restrict"));
    assert_eq!(bird.connections(), 1);
}

#[tokio::test]
async fn a2_accepted_is_not_done_an_enable_can_be_lost() {
    let Pair {
        bird,
        client,
        _directory,
    } = pair(daemon("2.0.12"));
    bird.plan("enable", Fault::Forget);
    assert_eq!(client.enable("web_v4", "").await, Ok(SwitchReply::Enabled));
    assert_eq!(
        client
            .show_protocol("web_v4")
            .await
            .expect("it is there")
            .protocol
            .state,
        ProtocolState::Down
    );
    bird.with(|daemon| daemon.stuck.push("web_v4".into()));
    assert_eq!(client.enable("web_v4", "").await, Ok(SwitchReply::AlreadyEnabled));
    assert_eq!(
        client
            .show_protocol("web_v4")
            .await
            .expect("it is there")
            .protocol
            .state,
        ProtocolState::Down
    );
}

#[tokio::test]
async fn what_others_do_behind_our_back_is_seen() {
    let Pair {
        bird,
        client,
        _directory,
    } = pair(daemon("3.3.2"));
    client.enable("web_v4", "").await.expect("accepted");
    bird.with(|daemon| daemon.protocol("web_v4").enabled = false);
    assert_eq!(
        client
            .show_protocol("web_v4")
            .await
            .expect("it is there")
            .protocol
            .state,
        ProtocolState::Down
    );
    client.enable("web_v4", "").await.expect("accepted");
    bird.with(Daemon::reconfigure);
    assert_eq!(
        client
            .show_protocol("web_v4")
            .await
            .expect("it is there")
            .protocol
            .state,
        ProtocolState::Down
    );
}

#[tokio::test]
async fn a9_a_configuration_is_tried_confirmed_and_undone() {
    for version in ["2.0.12", "3.3.2"] {
        let Pair {
            bird: _bird,
            client,
            _directory,
        } = pair(daemon(version));
        assert_eq!(client.configure_status().await.expect("a status").undo_in, None);
        let timer = client
            .configure_timeout(Duration::from_secs(60))
            .await
            .expect("accepted");
        assert!(matches!(timer, ConfigureReply::Done | ConfigureReply::InProgress));
        let status = client.configure_status().await.expect("a status");
        assert_eq!(status.undo_in, Some(Duration::from_secs(60)));
        assert_eq!(client.configure_confirm().await, Ok(ConfigureReply::Confirmed));
        assert_eq!(client.configure_confirm().await, Ok(ConfigureReply::NothingToDo));
        assert_eq!(client.configure_undo().await, Ok(ConfigureReply::Done));
    }
}

#[tokio::test]
async fn a6_a_restart_comes_up_as_the_state_files_say() {
    let Pair {
        mut bird,
        client,
        _directory,
    } = pair(daemon("2.0.12"));
    let folder = _directory.path().join("states");
    std::fs::create_dir(&folder).expect("a directory");
    std::fs::write(folder.join("web_v4.conf"), "disabled no;\n").expect("a file");
    bird.with(|daemon| {
        daemon.state_files = Some(folder);
        daemon.protocol("web_v6").shown = Some("flush".into());
    });
    up(&client).await;
    bird.stop();
    bird.start_again();
    link_when(&client, |link| link.connects == 2).await;
    let protocols = client.show_protocols().await.expect("protocols");
    let state = |name: &str| {
        protocols
            .iter()
            .find(|protocol| protocol.name == name)
            .map(|found| found.state)
    };
    assert_eq!(
        (state("web_v4"), state("web_v6")),
        (Some(ProtocolState::Up), Some(ProtocolState::Stopping))
    );
}
