//! Who is asked when: one command in flight, decisions first, equal questions once.

use falconer::bird::client::{BirdError, Priority};
use falconer::bird::parse::SwitchReply;
use tokio::time::timeout;

use crate::{PATIENCE, Pair, daemon, pair, up};
use falconer_lab::fake_bird::Fault;

#[tokio::test]
async fn a10_one_command_is_in_flight_and_decisions_go_first() {
    let Pair {
        bird,
        client,
        _directory,
    } = pair(daemon("2.0.12"));
    up(&client).await;
    bird.plan("show status", Fault::Delay(PATIENCE / 4));
    let (poll, decision) = (client.at(Priority::Poll), client.at(Priority::Decision));
    let after_the_first = async {
        while bird.lines().is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(bird.lines(), ["show status"], "the rest waits for the answer");
        tokio::join!(
            poll.show_protocols(),
            poll.show_static("web_v4"),
            decision.enable("web_v4", "")
        )
    };
    let (first, (protocols, routes, enabled)) = tokio::join!(client.show_status(), after_the_first);
    assert!(first.is_ok() && protocols.is_ok() && routes.is_ok());
    assert_eq!(enabled, Ok(SwitchReply::Enabled));
    assert_eq!(
        bird.lines(),
        [
            "show status",
            "enable \"web_v4\"",
            "show protocols",
            "show static web_v4"
        ]
    );
}

#[tokio::test]
async fn a10_equal_questions_that_wait_are_asked_once_and_answered_to_all() {
    let Pair {
        bird,
        client,
        _directory,
    } = pair(daemon("2.0.12"));
    bird.plan("show status", Fault::Delay(PATIENCE / 4));
    let ask = || client.show_protocols();
    let (_, a, b, c, d) = tokio::join!(client.show_status(), ask(), ask(), ask(), ask());
    assert!(a.is_ok());
    assert!([b, c, d].iter().all(|other| *other == a));
    assert_eq!(bird.lines(), ["show status", "show protocols"]);
}

#[tokio::test]
async fn a_command_in_flight_is_not_shared_because_its_answer_may_be_older_than_the_question() {
    let Pair {
        bird,
        client,
        _directory,
    } = pair(daemon("2.0.12"));
    up(&client).await;
    bird.plan("show protocols", Fault::Delay(PATIENCE / 4));
    let later = async {
        while bird.lines().is_empty() {
            tokio::task::yield_now().await;
        }
        client.show_protocols().await
    };
    let (first, second) = tokio::join!(client.show_protocols(), later);
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(bird.lines().len(), 2);
}

#[tokio::test]
async fn a_caller_that_goes_away_takes_its_waiting_command_along_and_not_the_one_in_flight() {
    let Pair {
        bird,
        client,
        _directory,
    } = pair(daemon("2.0.12"));
    up(&client).await;
    bird.plan("show status", Fault::Delay(PATIENCE / 2));
    let both = async { tokio::join!(client.show_status(), client.enable("web_v4", "")) };
    assert!(
        timeout(PATIENCE / 8, both).await.is_err(),
        "both callers are gone"
    );
    // The answer in flight is read to its end: what follows gets its own.
    assert!(client.show_protocols().await.is_ok());
    assert_eq!(bird.lines(), ["show status", "show protocols"]);
    assert_eq!(bird.connections(), 1);
}

#[tokio::test]
async fn a_flood_of_commands_is_refused_and_not_hoarded() {
    let Pair {
        bird,
        client,
        _directory,
    } = pair(daemon("2.0.12"));
    up(&client).await;
    bird.plan("enable", Fault::Delay(PATIENCE / 4));
    let names: Vec<String> = (0..2000).map(|number| format!("p{number}")).collect();
    let floods = names.iter().map(|name| client.enable(name, ""));
    let answers = futures_util::future::join_all(floods).await;
    assert!(
        answers
            .iter()
            .any(|answer| matches!(answer, Err(BirdError::QueueFull)))
    );
    assert!(
        answers
            .iter()
            .any(|answer| matches!(answer, Err(BirdError::NoSuchProtocol { .. })))
    );
    assert!(client.show_status().await.is_ok(), "and then it goes on");
}

#[tokio::test]
async fn commands_that_wait_when_the_connection_breaks_are_told_at_once() {
    let Pair {
        mut bird,
        client,
        _directory,
    } = pair(daemon("2.0.12"));
    up(&client).await;
    bird.plan("show status", Fault::Hang);
    let (first, second, third, ()) = tokio::join!(
        client.show_status(),
        client.show_protocols(),
        client.enable("web_v4", ""),
        async {
            while bird.lines().is_empty() {
                tokio::task::yield_now().await;
            }
            bird.stop();
        }
    );
    assert!(matches!(first, Err(BirdError::Broken { .. })), "{first:?}");
    assert!(matches!(second, Err(BirdError::Unreachable { .. })), "{second:?}");
    assert!(matches!(third, Err(BirdError::Unreachable { .. })), "{third:?}");
    assert_eq!(bird.lines(), ["show status"]);
}
