//! What goes wrong with an answer, and what is left of the connection then.

use std::time::Duration;

use falconer::bird::client::BirdError;
use falconer::bird::parse::SwitchReply;
use falconer::model::snapshot::BirdState;
use tokio::time::timeout;

use crate::{PATIENCE, Pair, SOON, daemon, error_of, link_when, pair, up};
use falconer_lab::fake_bird::Fault;

#[tokio::test]
async fn a4_no_answer_in_time_drops_the_connection_and_says_busy() {
    let Pair {
        bird,
        client,
        _directory,
    } = pair(daemon("2.0.12"));
    bird.plan("show protocols", Fault::Hang);
    bird.plan_greeting(Fault::Delay(Duration::ZERO));
    bird.plan_greeting(Fault::Delay(Duration::from_millis(100)));
    let mut link = client.link();
    assert_eq!(
        client.show_protocols().await,
        Err(BirdError::Timeout { after: PATIENCE })
    );
    let busy = timeout(SOON, link.wait_for(|link| link.state == BirdState::Busy)).await;
    assert!(error_of(&busy.expect("soon").expect("it lives")).contains("\"show protocols\""));
    assert_eq!(up(&client).await.connects, 2);
    assert!(client.show_protocols().await.is_ok());
    let connections: Vec<u64> = bird
        .received()
        .iter()
        .map(|received| received.connection)
        .collect();
    assert_eq!(connections, [1, 2]);
}

#[tokio::test]
async fn a_late_answer_is_never_taken_for_the_next_commands() {
    let Pair {
        bird,
        client,
        _directory,
    } = pair(daemon("2.0.12"));
    bird.plan("enable", Fault::Delay(PATIENCE * 2));
    assert_eq!(
        client.enable("web_v4", "").await,
        Err(BirdError::Timeout { after: PATIENCE })
    );
    up(&client).await;
    assert_eq!(client.enable("web_v6", "").await, Ok(SwitchReply::Enabled));
    // It was carried out all the same: only reading BIRD tells.
    assert_eq!(client.enable("web_v4", "").await, Ok(SwitchReply::AlreadyEnabled));
}

#[tokio::test]
async fn a_connection_that_breaks_under_a_command_says_so_at_once() {
    for fault in [Fault::Close, Fault::CloseAfter(3), Fault::CloseAfter(24)] {
        let Pair {
            bird,
            client,
            _directory,
        } = pair(daemon("2.0.12"));
        bird.plan("enable", fault.clone());
        let error = client.enable("web_v4", "").await.expect_err("no whole answer");
        assert!(matches!(error, BirdError::Broken { .. }), "{fault:?} {error:?}");
        up(&client).await;
        assert_eq!(client.enable("web_v4", "").await, Ok(SwitchReply::AlreadyEnabled));
    }
}

#[tokio::test]
async fn garbage_instead_of_an_answer_drops_the_connection() {
    let long = format!("1002-{}\n0000 \n", "x".repeat(5000));
    for garbage in [
        "hello\n",
        "\n0000 \n",
        " text before any code\n0000 \n",
        "0011+web_v4: enabled\n0000 \n",
        &long,
    ] {
        let Pair {
            bird,
            client,
            _directory,
        } = pair(daemon("2.0.12"));
        bird.plan("show protocols", Fault::Say(garbage.into()));
        let error = client.show_protocols().await.expect_err("garbage");
        assert!(
            matches!(error, BirdError::Malformed { .. }),
            "{garbage:?} {error:?}"
        );
        assert_eq!(
            link_when(&client, |link| link.connects == 2).await.state,
            BirdState::Up
        );
        assert!(client.show_protocols().await.is_ok());
    }
}

#[tokio::test]
async fn the_answer_to_another_question_drops_the_connection() {
    let Pair {
        bird,
        client,
        _directory,
    } = pair(daemon("2.0.12"));
    bird.plan(
        "show protocols",
        Fault::Say("0011-web_v4: enabled\n0000 \n".into()),
    );
    let error = client.show_protocols().await.expect_err("not an answer to that");
    assert!(matches!(error, BirdError::Malformed { .. }), "{error:?}");
    assert_eq!(
        link_when(&client, |link| link.connects == 2).await.state,
        BirdState::Up
    );
}

#[tokio::test]
async fn a_reply_that_nobody_asked_for_drops_the_connection() {
    let Pair {
        bird,
        client,
        _directory,
    } = pair(daemon("2.0.12"));
    bird.plan(
        "show status",
        Fault::Say("1000-BIRD 2.0.12\n0013 Daemon is up and running\n0009-web_v4: disabled\n0000 \n".into()),
    );
    assert!(client.show_status().await.is_ok());
    assert_eq!(
        link_when(&client, |link| link.connects == 2).await.state,
        BirdState::Up
    );
    assert_eq!(client.enable("web_v4", "").await, Ok(SwitchReply::Enabled));
}

#[tokio::test]
async fn a2_a_wrong_or_doubled_line_is_no_success() {
    for answer in [
        "0011-web_v6: enabled\n0000 \n",
        "0011-web_v4: enabled\n web_v4: enabled\n0000 \n",
        "0009-web_v4: disabled\n0000 \n",
        "0000 \n",
    ] {
        let Pair {
            bird,
            client,
            _directory,
        } = pair(daemon("2.0.12"));
        bird.plan("enable", Fault::Say(answer.into()));
        let error = client.enable("web_v4", "").await.expect_err("not the answer");
        assert!(
            matches!(error, BirdError::Malformed { .. }),
            "{answer:?} {error:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_in_half_lines_or_after_a_while_is_an_answer() {
    for fault in [Fault::Dribble(40), Fault::Delay(PATIENCE / 4)] {
        let Pair {
            bird,
            client,
            _directory,
        } = pair(daemon("3.3.2"));
        bird.plan("show protocols all", fault.clone());
        bird.plan_greeting(fault);
        let detail = client.show_protocol("isp_upstream").await.expect("an answer");
        assert!(detail.bgp.expect("a session").state.is_established());
        assert_eq!(bird.connections(), 1);
    }
}

#[tokio::test]
async fn what_bird_says_unasked_is_passed_over_between_and_within_answers() {
    let Pair {
        bird,
        client,
        _directory,
    } = pair(daemon("2.0.12"));
    let unasked = "+Config timeout expired, starting undo\n<3 messages lost>\n";
    bird.plan("show status", Fault::SayFirst(unasked.into()));
    bird.plan(
        "enable",
        Fault::Say(format!("0011-web_v4: enabled\n{unasked}0000 \n{unasked}")),
    );
    assert!(client.show_status().await.is_ok());
    assert_eq!(client.enable("web_v4", "").await, Ok(SwitchReply::Enabled));
    assert!(client.show_status().await.is_ok());
    assert_eq!(bird.connections(), 1);
}

#[tokio::test]
async fn a_doubled_answer_is_not_taken_for_the_next_commands() {
    let Pair {
        bird,
        client,
        _directory,
    } = pair(daemon("2.0.12"));
    up(&client).await;
    let details = "1002-web_v4     Static     master4    up     12:00  \n0000 \n";
    bird.plan("show protocols all \"web_v4\"", Fault::Say(details.repeat(2)));
    let (first, second) = tokio::join!(client.show_protocol("web_v4"), client.show_protocol("web_v6"));
    assert!(first.is_ok());
    assert!(matches!(second, Err(BirdError::Unreachable { .. })), "{second:?}");
    assert_eq!(bird.lines().len(), 1, "the second was not sent");
    assert_eq!(
        link_when(&client, |link| link.connects == 2).await.state,
        BirdState::Up
    );
}
