//! Names against look-ups that do as they are told, on a paused clock.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use ipnet::IpNet;

use super::*;

/// A resolver that answers the nth look-up with the nth of these, and then with the last again.
fn resolver(answers: &[Result<&[&str], &'static str>]) -> (Resolver, Arc<AtomicUsize>) {
    let answers: Vec<Result<Vec<IpAddr>, &'static str>> = answers
        .iter()
        .map(|answer| answer.map(|addrs| addrs.iter().map(|addr| addr.parse().unwrap()).collect()))
        .collect();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let lookup = NameResolver::new(move |_| {
        let nth = count.fetch_add(1, Ordering::Relaxed).min(answers.len() - 1);
        let answer = answers[nth].clone().map_err(io::Error::other);
        async move { answer }
    });
    (Resolver::with(lookup), asked)
}

fn target(resolver: &Resolver, family: Option<Family>, announced: &[&str]) -> Target {
    let announced: Vec<IpNet> = announced.iter().map(|prefix| prefix.parse().unwrap()).collect();
    Target::new(
        &Host::Name("site.example".into()),
        family,
        TargetPlace::Outside(announced.as_slice().into()),
        resolver,
    )
}

fn address(target: &Target) -> Result<String, String> {
    target
        .address()
        .map(|addr| addr.to_string())
        .map_err(|none| match none {
            CheckError::NotMade(words) => words,
            CheckError::Failed(words) => panic!("a fail instead of an error: {words}"),
        })
}

#[tokio::test(start_paused = true)]
async fn d1_a_check_never_waits_for_a_lookup() {
    let resolver = Resolver::with(NameResolver::new(|_| std::future::pending()));
    let target = target(&resolver, None, &[]);
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(
        address(&target),
        Err("site.example was never resolved: not yet".into())
    );
}

#[tokio::test(start_paused = true)]
async fn d1_a_name_never_resolved_is_an_error_that_says_why() {
    let (resolver, _) = resolver(&[Err("no such name"), Ok(&[])]);
    let target = target(&resolver, None, &[]);
    sleep(Duration::from_millis(500)).await;
    assert_eq!(
        address(&target),
        Err("site.example was never resolved: no such name".into())
    );
    sleep(Duration::from_secs(1)).await;
    assert_eq!(
        address(&target),
        Err("site.example was never resolved: it has no addresses".into())
    );
}

#[tokio::test(start_paused = true)]
async fn d1_the_last_addresses_found_stay_in_use() {
    let (resolver, asked) = resolver(&[Ok(&["192.0.2.1"]), Err("servfail"), Ok(&[]), Err("servfail")]);
    let target = target(&resolver, None, &[]);
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(address(&target).unwrap(), "192.0.2.1");
    assert!(asked.load(Ordering::Relaxed) > 100, "and it goes on trying");
}

#[tokio::test(start_paused = true)]
async fn a_change_is_followed_within_half_a_minute() {
    let (resolver, _) = resolver(&[Ok(&["192.0.2.1"]), Ok(&["192.0.2.2"])]);
    let target = target(&resolver, None, &[]);
    sleep(Duration::from_secs(29)).await;
    assert_eq!(address(&target).unwrap(), "192.0.2.1");
    sleep(Duration::from_secs(2)).await;
    assert_eq!(address(&target).unwrap(), "192.0.2.2");
}

#[tokio::test(start_paused = true)]
async fn failures_are_followed_up_soon_and_then_ever_less() {
    let (resolver, asked) = resolver(&[Err("servfail")]);
    let _target = target(&resolver, None, &[]);
    let mut times = Vec::new();
    let started = Instant::now();
    for nth in 1..8 {
        while asked.load(Ordering::Relaxed) < nth {
            sleep(Duration::from_millis(100)).await;
        }
        times.push(started.elapsed().as_secs());
    }
    assert_eq!(times, [0, 1, 3, 7, 15, 31, 61]);
}

#[tokio::test(start_paused = true)]
async fn an_address_that_stays_keeps_its_place() {
    let (resolver, asked) = resolver(&[
        Ok(&["192.0.2.1", "192.0.2.2"]),
        Ok(&["192.0.2.3", "192.0.2.2", "192.0.2.1"]),
    ]);
    let target = target(&resolver, None, &[]);
    sleep(Duration::from_secs(31)).await;
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    assert_eq!(address(&target).unwrap(), "192.0.2.1");
}

#[tokio::test(start_paused = true)]
async fn the_family_fits_the_source() {
    let (resolver, _) = resolver(&[Ok(&["2001:db8::1", "192.0.2.1"])]);
    let (v4, v6) = (
        target(&resolver, Some(Family::V4), &[]),
        target(&resolver, Some(Family::V6), &[]),
    );
    sleep(Duration::from_secs(1)).await;
    assert_eq!(address(&v4).unwrap(), "192.0.2.1");
    assert_eq!(address(&v6).unwrap(), "2001:db8::1");
    let (only_v6, _) = self::resolver(&[Ok(&["2001:db8::1"])]);
    let v4 = target(&only_v6, Some(Family::V4), &[]);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(
        address(&v4),
        Err("site.example has no address of the source's family".into())
    );
}

#[tokio::test(start_paused = true)]
async fn a_name_that_moves_into_an_announced_prefix_is_an_error_and_trouble() {
    let (resolver, _) = resolver(&[
        Ok(&["192.0.2.1"]),
        Ok(&["192.0.2.1", "198.51.100.7"]),
        Ok(&["192.0.2.9"]),
    ]);
    let target = target(&resolver, None, &["198.51.100.0/24", "2001:db8::/48"]);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(
        (address(&target), target.trouble()),
        (Ok("192.0.2.1".into()), None)
    );
    sleep(Duration::from_secs(30)).await;
    let words = "site.example is 198.51.100.7, which lies inside 198.51.100.0/24, which this site announces: it \
                 would be answered here";
    assert_eq!(
        (address(&target), target.trouble()),
        (Err(words.into()), Some(words.into()))
    );
    sleep(Duration::from_secs(30)).await;
    assert_eq!(
        (address(&target), target.trouble()),
        (Ok("192.0.2.9".into()), None)
    );
}

#[tokio::test(start_paused = true)]
async fn a_change_of_addresses_is_counted_and_the_same_again_is_not() {
    let (resolver, asked) = resolver(&[
        Ok(&["192.0.2.1", "192.0.2.2"]),
        Ok(&["192.0.2.2", "192.0.2.1"]),
        Err("servfail"),
        Ok(&["192.0.2.1", "192.0.2.3"]),
    ]);
    let _target = target(&resolver, None, &[]);
    assert_eq!(resolver.changes(), 0);
    let mut counted = Vec::new();
    for nth in 1..=4 {
        while asked.load(Ordering::Relaxed) < nth {
            sleep(Duration::from_millis(100)).await;
        }
        sleep(Duration::from_millis(10)).await;
        counted.push(resolver.changes());
    }
    assert_eq!(counted, [1, 1, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn an_address_of_another_family_is_not_held_against_it() {
    let (resolver, _) = resolver(&[Ok(&["2001:db8::1", "192.0.2.1"])]);
    let target = target(&resolver, Some(Family::V4), &["2001:db8::/48"]);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(address(&target).unwrap(), "192.0.2.1");
}

#[tokio::test(start_paused = true)]
async fn one_task_serves_all_probes_of_a_name_and_ends_with_the_last() {
    let (resolver, asked) = resolver(&[Ok(&["192.0.2.1"])]);
    let (one, other) = (target(&resolver, None, &[]), target(&resolver, None, &[]));
    sleep(Duration::from_secs(1)).await;
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    drop(one);
    sleep(Duration::from_secs(30)).await;
    assert_eq!(asked.load(Ordering::Relaxed), 2, "the other goes on");
    drop(other);
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    let again = target(&resolver, None, &[]);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(address(&again).unwrap(), "192.0.2.1");
}
