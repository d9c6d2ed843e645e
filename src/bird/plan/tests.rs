//! Every combination, written down; and a BIRD at random, driven to where it should be.

use proptest::prelude::*;

use super::*;

const STATES: [ProtocolState; 6] = [
    ProtocolState::Unknown,
    ProtocolState::Missing,
    ProtocolState::Down,
    ProtocolState::Starting,
    ProtocolState::Up,
    ProtocolState::Stopping,
];
const WISHES: [Strength; 3] = [Strength::Off, Strength::Drain, Strength::Full];

/// Answers the plan's questions, all of them with `guard` and `table`, until it asks no more.
fn settle(mut pair: ProtocolPair, intent: Strength, guard: bool, table: bool) -> (ProtocolPair, Vec<Step>) {
    for _ in 0..4 {
        let steps = pair.steps(intent);
        match steps.as_slice() {
            [Step::AskGuard(slot)] => pair.get_mut(*slot).unwrap().fits = Some(guard),
            [Step::AskRoutes(slot)] => pair.get_mut(*slot).unwrap().routed = Some(table),
            _ => return (pair, steps),
        }
    }
    panic!("{pair:?} asks for ever");
}

fn pairs() -> impl Iterator<Item = ProtocolPair> {
    let drains = STATES
        .into_iter()
        .map(|state| Some(KnownState::state(state)))
        .chain([None]);
    STATES.into_iter().flat_map(move |full| {
        drains.clone().map(move |drain| ProtocolPair {
            full: KnownState::state(full),
            drain,
        })
    })
}

fn words(step: &Step) -> String {
    let words = match step {
        Step::AskGuard(side) => format!("askguard {side:?}"),
        Step::AskRoutes(side) => format!("askroutes {side:?}"),
        Step::Switch(side, action) => format!("{action:?} {side:?}"),
    };
    words.to_lowercase()
}

fn file_words(files: [Option<StateFileValue>; 2]) -> String {
    let word = |file: Option<StateFileValue>| match file {
        None => "-",
        Some(StateFileValue::Enabled) => "on",
        Some(StateFileValue::Disabled) => "off",
    };
    format!("{}/{}", word(files[0]), word(files[1]))
}

#[test]
fn a1_every_combination_of_wish_and_observation_has_its_steps() {
    let mut table = format!(
        "{:<6}{:<10}{:<10} {:<28}{:<9} {:<28}{}\n",
        "want", "full", "drain", "all is well: steps", "files", "refused, or no route: steps", "files"
    );
    for intent in WISHES {
        for pair in pairs() {
            let drain = pair
                .drain
                .map_or("-".to_owned(), |drain| format!("{:?}", drain.state));
            let column = |fine: bool| {
                let (settled, steps) = settle(pair, intent, fine, fine);
                let steps = steps.iter().map(words).collect::<Vec<_>>().join(", ");
                (
                    if steps.is_empty() { "-".to_owned() } else { steps },
                    file_words(settled.files(intent)),
                )
            };
            let ((well, well_files), (ill, ill_files)) = (column(true), column(false));
            table += &format!(
                "{:<6}{:<10}{drain:<10} {well:<28}{well_files:<9} {ill:<28}{ill_files}\n",
                intent.to_string(),
                format!("{:?}", pair.full.state)
            );
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a1_the_same_input_gives_the_same_steps_and_nothing_differs_means_no_steps() {
    for intent in WISHES {
        for pair in pairs() {
            let (settled, steps) = settle(pair, intent, true, true);
            assert_eq!(settled.steps(intent), steps);
            if pair.reached(intent) && pair.full.state != ProtocolState::Unknown {
                assert_eq!(steps, [], "{intent} {pair:?}");
            }
        }
    }
}

#[test]
fn a7_a_refusal_never_enables_and_never_forbids_a_disable() {
    for intent in WISHES {
        for pair in pairs() {
            let (_, refused) = settle(pair, intent, false, true);
            assert!(
                !refused
                    .iter()
                    .any(|step| matches!(step, Step::Switch(_, SwitchAction::Enable))),
                "{intent} {pair:?}: {refused:?}"
            );
            let (_, allowed) = settle(pair, intent, true, true);
            let disables = |steps: &[Step]| {
                steps
                    .iter()
                    .filter(|step| matches!(step, Step::Switch(_, SwitchAction::Disable)))
                    .count()
            };
            assert_eq!(disables(&refused), disables(&allowed), "{intent} {pair:?}");
        }
    }
}

#[test]
fn a7_what_is_found_wrong_while_announced_keeps_its_file() {
    let wrong = KnownState {
        fits: Some(false),
        ..KnownState::state(ProtocolState::Up)
    };
    let pair = ProtocolPair {
        full: wrong,
        drain: Some(KnownState::state(ProtocolState::Down)),
    };
    assert_eq!(pair.steps(Strength::Full), []);
    assert_eq!(pair.files(Strength::Full), [None, Some(StateFileValue::Disabled)]);
}

#[test]
fn a6_without_bird_the_files_say_what_is_wanted_unless_the_guard_is_known_to_refuse() {
    let unseen = KnownState::state(ProtocolState::Unknown);
    let pair = ProtocolPair {
        full: unseen,
        drain: Some(unseen),
    };
    assert_eq!(
        pair.files(Strength::Full),
        [Some(StateFileValue::Enabled), Some(StateFileValue::Disabled)]
    );
    assert_eq!(
        pair.files(Strength::Drain),
        [Some(StateFileValue::Disabled), Some(StateFileValue::Enabled)]
    );
    assert_eq!(pair.files(Strength::Off), [Some(StateFileValue::Disabled); 2]);
    let refused = ProtocolPair {
        full: KnownState {
            fits: Some(false),
            ..unseen
        },
        ..pair
    };
    assert_eq!(
        refused.files(Strength::Full),
        [Some(StateFileValue::Disabled), None]
    );
}

#[test]
fn d8_a_drain_that_is_not_configured_leaves_everything_as_it_is() {
    for state in STATES {
        let pair = ProtocolPair {
            full: KnownState::state(state),
            drain: None,
        };
        assert_eq!(
            (pair.steps(Strength::Drain), pair.files(Strength::Drain)),
            (Vec::new(), [None, None])
        );
    }
}

#[test]
fn d10_adoption_waits_while_anything_moves_or_is_missing() {
    let pair = |full, drain| ProtocolPair {
        full: KnownState::state(full),
        drain: Some(KnownState::state(drain)),
    };
    assert_eq!(
        pair(ProtocolState::Up, ProtocolState::Down).adoptable(),
        Some(Strength::Full)
    );
    assert_eq!(
        pair(ProtocolState::Up, ProtocolState::Up).adoptable(),
        Some(Strength::Full)
    );
    assert_eq!(
        pair(ProtocolState::Down, ProtocolState::Up).adoptable(),
        Some(Strength::Drain)
    );
    assert_eq!(
        pair(ProtocolState::Down, ProtocolState::Down).adoptable(),
        Some(Strength::Off)
    );
    assert_eq!(
        pair(ProtocolState::Down, ProtocolState::Missing).adoptable(),
        Some(Strength::Off)
    );
    for moving in [
        ProtocolState::Unknown,
        ProtocolState::Starting,
        ProtocolState::Stopping,
    ] {
        assert_eq!(pair(moving, ProtocolState::Down).adoptable(), None);
        assert_eq!(pair(ProtocolState::Up, moving).adoptable(), None);
    }
    assert_eq!(
        pair(ProtocolState::Missing, ProtocolState::Down).adoptable(),
        None
    );
}

/// One protocol of a BIRD that takes its time.
#[derive(Clone, Copy, Debug)]
struct Model {
    exists: bool,
    enabled: bool,
    state: ProtocolState,
    /// What the guard would find.
    fits: bool,
    /// Whether its routes resolve.
    resolves: bool,
    file: StateFileValue,
}

impl Model {
    fn enable(&mut self) {
        self.enabled = true;
    }

    fn disable(&mut self) {
        self.enabled = false;
    }

    /// BIRD does one of the things that it has to do.
    fn work(&mut self) {
        self.state = match (self.state, self.enabled) {
            (ProtocolState::Down, true) => ProtocolState::Starting,
            (ProtocolState::Starting, true) => ProtocolState::Up,
            (ProtocolState::Up | ProtocolState::Starting, false) => ProtocolState::Stopping,
            (ProtocolState::Stopping, _) => ProtocolState::Down,
            (state, _) => state,
        };
    }

    fn carries(&self) -> bool {
        self.state == ProtocolState::Up && self.enabled && self.resolves
    }

    fn known(&self) -> KnownState {
        KnownState::state(if self.exists {
            self.state
        } else {
            ProtocolState::Missing
        })
    }
}

#[derive(Clone, Debug)]
struct Bird {
    full: Model,
    drain: Option<Model>,
}

impl Bird {
    fn slot(&mut self, slot: PairSide) -> &mut Model {
        match slot {
            PairSide::Full => &mut self.full,
            PairSide::Drain => self.drain.as_mut().unwrap(),
        }
    }

    fn carries(&self) -> bool {
        self.full.carries() || self.drain.is_some_and(|drain| drain.carries())
    }

    /// What a `configure` would do now: every protocol to what its file says.
    fn carries_after_configure(&self) -> bool {
        let kept = |model: &Model| model.carries() && model.file == StateFileValue::Enabled;
        kept(&self.full) || self.drain.as_ref().is_some_and(kept)
    }

    /// One round as steering makes it: look, ask, files, writes. Claims hold at every point in it.
    fn round(&mut self, intent: Strength, gapless: bool) {
        let mut pair = ProtocolPair {
            full: self.full.known(),
            drain: self.drain.map(|drain| drain.known()),
        };
        let mut writes = Vec::new();
        for _ in 0..4 {
            writes = pair.steps(intent);
            match writes.as_slice() {
                [Step::AskGuard(slot)] => pair.get_mut(*slot).unwrap().fits = Some(self.slot(*slot).fits),
                [Step::AskRoutes(slot)] => {
                    pair.get_mut(*slot).unwrap().routed = Some(self.slot(*slot).carries());
                }
                _ => break,
            }
        }
        for (slot, file) in [PairSide::Full, PairSide::Drain]
            .into_iter()
            .zip(pair.files(intent))
        {
            if let (Some(file), true) = (file, slot == PairSide::Full || self.drain.is_some()) {
                self.slot(slot).file = file;
            }
        }
        for step in writes {
            match step {
                Step::Switch(slot, SwitchAction::Enable) => {
                    assert!(self.slot(slot).fits, "enabled what the guard refuses");
                    self.slot(slot).enable();
                }
                Step::Switch(slot, SwitchAction::Disable) => self.slot(slot).disable(),
                Step::AskGuard(_) | Step::AskRoutes(_) => panic!("a question among the writes"),
            }
            assert!(!gapless || self.carries(), "a gap after {step:?}: {self:?}");
            assert!(
                !gapless || self.carries_after_configure(),
                "a configure after {step:?} would gap: {self:?}"
            );
        }
    }
}

fn model() -> impl Strategy<Value = Model> {
    let states = prop_oneof![
        Just(ProtocolState::Down),
        Just(ProtocolState::Starting),
        Just(ProtocolState::Up),
        Just(ProtocolState::Stopping)
    ];
    (
        any::<bool>(),
        states,
        prop::bool::weighted(0.8),
        prop::bool::weighted(0.8),
        any::<bool>(),
        prop::bool::weighted(0.9),
    )
        .prop_map(|(enabled, state, fits, resolves, file, exists)| Model {
            exists,
            // A protocol that is up was enabled.
            enabled: (enabled || state == ProtocolState::Up) && exists,
            state: if exists { state } else { ProtocolState::Down },
            fits,
            resolves,
            file: if file {
                StateFileValue::Enabled
            } else {
                StateFileValue::Disabled
            },
        })
}

/// A wish, and how much BIRD's full and drain protocols get done before the next look.
fn history() -> impl Strategy<Value = Vec<(Strength, u8, u8)>> {
    prop::collection::vec((prop::sample::select(WISHES.to_vec()), 0..3u8, 0..3u8), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn d8_any_bird_converges_on_the_wish_without_a_gap(
        full in model(), drain in prop::option::weighted(0.9, model()), history in history(),
    ) {
        let mut bird = Bird { full, drain };
        let mut gapless = false;
        let work = |bird: &mut Bird, full: u8, drain: u8| {
            (0..full).for_each(|_| bird.full.work());
            (0..drain).for_each(|_| bird.drain.iter_mut().for_each(Model::work));
        };
        for (intent, full_work, drain_work) in &history {
            // What carried when it was to be announced carries on, whatever is wanted in between.
            gapless = *intent != Strength::Off && (gapless || bird.carries_after_configure());
            bird.round(*intent, gapless);
            work(&mut bird, *full_work, *drain_work);
            prop_assert!(!gapless || bird.carries(), "a gap while BIRD worked: {bird:?}");
        }

        let intent = history.last().unwrap().0;
        for _ in 0..8 {
            bird.round(intent, gapless);
            work(&mut bird, 1, 1);
        }
        let able = |model: &Model| model.exists && model.fits && model.resolves;
        let reachable = match intent {
            Strength::Off => true,
            Strength::Full => able(&bird.full),
            Strength::Drain => bird.drain.as_ref().is_none_or(able),
        };
        let pair = ProtocolPair { full: bird.full.known(), drain: bird.drain.map(|drain| drain.known()) };
        prop_assert!(!reachable || pair.reached(intent), "{intent} not reached: {bird:?}");
    }
}
