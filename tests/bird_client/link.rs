//! How the connection stands: what each way of BIRD's being away is called, and how it comes back.

use std::time::Duration;

use falconer::bird::client::{BirdClient, BirdError, Priority};
use falconer::model::snapshot::BirdState;
use tokio::time::{Instant, timeout};

use crate::{PATIENCE, Pair, SOON, daemon, directory, error_of, link_when, pair, up};
use falconer_lab::fake_bird::{Crowded, FakeBird, Fault};

#[tokio::test]
async fn a4_stopped_died_and_not_a_bird_are_told_apart() {
    let (_directory, socket) = directory();
    let client = BirdClient::spawn(socket.clone(), PATIENCE);
    let stopped = link_when(&client, |link| link.error.is_some()).await;
    assert_eq!(stopped.state, BirdState::Down);
    assert!(error_of(&stopped).contains("stopped"), "{stopped:?}");
    let error = client.show_status().await.expect_err("there is no BIRD");
    assert_eq!(
        error,
        BirdError::Unreachable {
            why: error_of(&stopped).to_owned()
        }
    );

    let mut bird = FakeBird::start(&socket, daemon("2.0.12"));
    assert_eq!(up(&client).await.connects, 1);
    bird.die();
    let died = link_when(&client, |link| error_of(link).contains("died and left")).await;
    assert_eq!(died.state, BirdState::Down);

    bird.plan_greeting(Fault::Say("220 mail.example.net ESMTP\n".into()));
    bird.start_again();
    let foreign = link_when(&client, |link| error_of(link).contains("another program")).await;
    assert!(error_of(&foreign).contains("mail.example.net"), "{foreign:?}");
    assert_eq!(foreign.state, BirdState::Down);
    assert_eq!(up(&client).await.connects, 2);
}

#[tokio::test]
async fn a4_a_full_backlog_is_busy_and_not_down() {
    let (_directory, socket) = directory();
    let crowd = Crowded::start(&socket).expect("a socket");
    let client = BirdClient::spawn(socket.clone(), PATIENCE);
    let busy = link_when(&client, |link| link.error.is_some()).await;
    assert_eq!(busy.state, BirdState::Busy);
    assert!(error_of(&busy).contains("no room"), "{busy:?}");
    assert!(matches!(
        client.show_status().await,
        Err(BirdError::Unreachable { .. })
    ));
    drop(crowd);
    let _bird = FakeBird::start(&socket, daemon("2.0.12"));
    up(&client).await;
}

#[tokio::test]
async fn a4_a_greeting_that_does_not_come_is_busy() {
    let (_directory, socket) = directory();
    let bird = FakeBird::start(&socket, daemon("2.0.12"));
    bird.plan_greeting(Fault::Hang);
    let client = BirdClient::spawn(socket, PATIENCE);
    let began = Instant::now();
    assert!(matches!(
        client.show_status().await,
        Err(BirdError::Unreachable { .. })
    ));
    assert!(began.elapsed() >= PATIENCE);
    let busy = link_when(&client, |link| link.error.is_some()).await;
    assert_eq!(busy.state, BirdState::Busy, "{busy:?}");
    up(&client).await;
    assert_eq!(bird.connections(), 2);
}

#[tokio::test]
async fn other_greetings_that_are_not_birds_are_refused() {
    for greeting in [
        "0001 FRRouting 8.4.4 ready.\n",
        "0000 \n",
        "\n",
        "garbage\n",
        "+BIRD 2.0.12 ready.\n0002 x\n",
    ] {
        let (_directory, socket) = directory();
        let bird = FakeBird::start(&socket, daemon("2.0.12"));
        bird.plan_greeting(Fault::Say(greeting.into()));
        let client = BirdClient::spawn(socket, PATIENCE);
        let link = link_when(&client, |link| link.error.is_some()).await;
        assert_eq!(link.state, BirdState::Down, "{greeting:?}");
        assert!(
            error_of(&link).contains("not BIRD's control socket"),
            "{greeting:?} {link:?}"
        );
        assert_eq!(link.connects, 0);
    }
}

#[tokio::test]
async fn a_connection_closed_instead_of_a_greeting_is_tried_again_at_once() {
    let (_directory, socket) = directory();
    let bird = FakeBird::start(&socket, daemon("2.0.12"));
    bird.plan_greeting(Fault::Close);
    let client = BirdClient::spawn(socket, PATIENCE);
    assert_eq!(up(&client).await.connects, 1);
    assert_eq!(bird.connections(), 2);
}

#[tokio::test]
async fn a4_the_end_of_an_idle_connection_is_noticed_at_once() {
    let Pair {
        mut bird,
        client,
        _directory,
    } = pair(daemon("2.0.12"));
    up(&client).await;
    bird.stop();
    let gone = link_when(&client, |link| link.state != BirdState::Up).await;
    assert!(bird.lines().is_empty(), "without asking anything");
    assert_eq!(gone.state, BirdState::Down);
    bird.start_again();
    assert_eq!(
        up(&client).await.connects,
        2,
        "a change of connects tells that BIRD is to be read anew"
    );
    assert_eq!(error_of(&up(&client).await), "");
}

#[tokio::test]
async fn a4_attempts_become_rare_while_bird_is_away() {
    let (_directory, socket) = directory();
    let bird = FakeBird::start(&socket, daemon("2.0.12"));
    for _ in 0..50 {
        bird.plan_greeting(Fault::Close);
    }
    let began = Instant::now();
    let _client = BirdClient::spawn(socket, PATIENCE);
    connections(&bird, 5).await;
    // At once, at once again, then after 0.1, 0.2 and 0.4 s.
    assert!(
        began.elapsed() >= Duration::from_millis(700),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn a4_a_bird_that_answers_and_closes_again_and_again_is_not_asked_in_a_tight_loop() {
    let (_directory, socket) = directory();
    let bird = FakeBird::start(&socket, daemon("2.0.12"));
    let began = Instant::now();
    let client = BirdClient::spawn(socket, PATIENCE);
    for connects in 1..=4 {
        link_when(&client, |link| link.connects == connects).await;
        assert!(client.show_protocols().await.is_ok());
        bird.plan("show status", Fault::Close);
        assert!(client.show_status().await.is_err());
    }
    connections(&bird, 5).await;
    // The first time it is a restart of BIRD, the next times it is trouble: 0.1, 0.2 and 0.4 s.
    assert!(
        began.elapsed() >= Duration::from_millis(700),
        "{:?}",
        began.elapsed()
    );
}

/// Waits until BIRD has seen that many connections.
async fn connections(bird: &FakeBird, number: u64) {
    let seen = timeout(SOON, async {
        while bird.connections() < number {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(seen.await.is_ok(), "{} connections", bird.connections());
}

#[tokio::test]
async fn the_connection_ends_with_the_last_handle_and_not_before() {
    let Pair {
        bird,
        client,
        _directory,
    } = pair(daemon("2.0.12"));
    let other = client.at(Priority::Decision);
    let mut link = client.link();
    drop(client);
    assert!(other.show_status().await.is_ok());
    drop(other);
    let ended = timeout(SOON, async { while link.changed().await.is_ok() {} }).await;
    assert!(ended.is_ok(), "the task is gone and with it the link's other end");
    assert_eq!(bird.connections(), 1);
}
