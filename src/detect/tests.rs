//! Sequences and samples over a stream give what the finite machine gives over the same set.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use super::joined::look_back;
use super::{Engine, Events, Evidence, JoinCounts, Keep, Limits, Match, Resumed, Span};
use crate::alert;
use crate::diagnostic::Source;
use crate::eql::finite::{Bounds, answer};
use crate::eql::generate::{Choices, Event, Fields};
use crate::eql::{Kind, Program};
use crate::event::document::Order;
use crate::event::{Document, FieldId, Values};
use crate::rule::Rule;
use crate::shares::Holder;

/// A generated event at a place in time.
#[derive(Debug)]
struct Timed {
    event: Event,
    order: Order,
}

impl Document for Timed {
    fn values(&self, field: FieldId) -> Values<'_> {
        self.event.values(field)
    }

    fn order(&self) -> Order {
        self.order
    }
}

/// From this serial on events are of a login user, before of none.
const STORM: u64 = 1 << 40;

impl Keep for Timed {
    fn keep(&self) -> Evidence {
        let Order { millis, tiebreaker } = self.order;
        Evidence {
            millis: millis as u64,
            serial: tiebreaker,
            host: Some("h".into()),
            holder: if tiebreaker < STORM { Holder::NoLogin } else { Holder::Login(1_000) },
            source: super::Source::Text("{}".into()),
        }
    }

    fn keep_in_brief(&self) -> Evidence {
        Evidence { source: super::Source::Unwanted, ..self.keep() }
    }
}

/// An event whose `pid` and `name` are the bytes' choices.
fn event(millis: i64, serial: u64, choices: &[u8]) -> Timed {
    Timed { event: Choices(choices).event(), order: Order { millis, tiebreaker: serial } }
}

/// `name` is one of a few, `pid` one of 1, 0, -3, 5.
fn simple(millis: i64, serial: u64, name: u8, pid: u8) -> Timed {
    event(millis, serial, &[0, 1, name, 0, 1, pid])
}

fn program(query: &str) -> Program {
    let source = Arc::new(Source { name: "<query>".into(), text: query.to_owned() });
    Program::compile(&source, &Fields).unwrap_or_else(|faults| panic!("{query}: {faults:?}"))
}

fn rule(query: &str) -> Arc<Rule> {
    Arc::new(Rule { program: program(query), query: query.to_owned(), ..alert::sample::rule() })
}

fn serials(matched: &Match<'_, Timed>) -> Vec<u64> {
    match matched.events {
        Events::One(event) => vec![event.order.tiebreaker],
        Events::Kept(kept, _) => kept.iter().map(|event| event.serial).collect(),
    }
}

/// Bounds that bound nothing.
const WIDE: Limits =
    Limits { reorder: 100, span: 1 << 40, partials: 1 << 20, all_partials: 1 << 20, bytes: 1 << 30 };

/// Long behind every event.
const END: i64 = 1 << 50;

struct Run {
    engine: Engine,
    found: Vec<Vec<u64>>,
}

impl Run {
    fn new(query: &str, limits: Limits) -> Self {
        Self { engine: Engine::with_limits(vec![rule(query)], limits), found: Vec::new() }
    }

    fn events<'a>(&mut self, events: impl IntoIterator<Item = &'a Timed>) -> &mut Self {
        for event in events {
            self.engine.process(event, |matched| self.found.push(serials(matched)));
        }
        self
    }

    fn time_is(&mut self, millis: i64) -> &mut Self {
        self.engine.time_is(millis, |matched: &Match<'_, Timed>| self.found.push(serials(matched)));
        self
    }

    fn finish(&mut self) -> &mut Self {
        self.engine.finish(|matched: &Match<'_, Timed>| self.found.push(serials(matched)));
        self
    }

    fn counts(&self) -> JoinCounts {
        self.engine.join_counts()
    }
}

const AB: &str = "sequence by name with maxspan=1s [any where pid == 1] [any where pid == 0]";

#[test]
fn a_sequence_is_matched_in_the_order_of_stamps_not_of_arrival() {
    let (first, second) = (simple(1_000, 1, 0, 0), simple(1_050, 2, 0, 1));
    let mut run = Run::new(AB, WIDE);
    run.events([&second, &first]);
    assert_eq!(run.found, Vec::<Vec<u64>>::new(), "both wait for what may still come");
    assert_eq!(run.engine.due(), Some(1_101));
    run.time_is(1_150);
    assert_eq!(run.found, Vec::<Vec<u64>>::new());
    run.time_is(1_151);
    assert_eq!(run.found, [[1, 2]]);
    assert_eq!((run.counts().late, run.engine.due()), (0, None));
}

/// Nothing could happen while the host was down: what waits then is given up, but for what was decided by the last event.
#[test]
fn a_boot_decides_nothing_that_was_open() {
    let query = "sequence by name with maxspan=1s [any where pid == 1] ![any where pid == 0]";
    let mut run = Run::new(query, WIDE);
    // The time of the first is over with the last event before the boot.
    run.events([&simple(1_000, 1, 0, 0), &simple(1_500, 2, 0, 0), &simple(2_010, 3, 0, 3)]);
    run.engine.booted(|matched: &Match<'_, Timed>| run.found.push(serials(matched)));
    assert_eq!((run.found.as_slice(), run.counts().booted), ([vec![1]].as_slice(), 1));
    assert_eq!((run.counts().held, run.counts().undecided, run.engine.due()), (0, 0, None));
    run.time_is(END);
    assert_eq!(run.found.len(), 1);
}

/// When it was last gone through for what is too old is a matter of when events came.
#[test]
fn at_the_end_nothing_is_held_that_could_not_go_on() {
    let sample = "sample by name [any where pid == 1] [any where pid == 0]";
    for (query, span) in [(AB, 1_000), (sample, look_back(&alert::sample::rule().from))] {
        let begin = |millis: i64, name: u8| simple(10_000 + millis, 1, name, 0);
        let mut run = Run::new(query, WIDE);
        run.events(&[begin(0, 0), begin(span - span / 10, 1), begin(span + span / 20, 2)]);
        assert_eq!(run.finish().found, Vec::<Vec<u64>>::new());
        assert_eq!(run.counts().held, 2, "{query}");
    }
}

#[test]
fn what_comes_behind_the_window_is_late_and_matched_as_it_comes() {
    let (first, second) = (simple(1_000, 1, 0, 0), simple(1_300, 2, 0, 1));
    let mut run = Run::new(AB, WIDE);
    // Late by 200 ms: its successor has been through, but what comes later can still follow it.
    run.events([&second]).time_is(1_500).events([&first, &simple(1_700, 3, 0, 1)]).finish();
    assert_eq!(run.found, [[1, 3]]);
    assert_eq!(run.counts().late, 1);
    // Another rule's events, or none, are never late.
    let mut run = Run::new(AB, WIDE);
    run.events([&simple(9_000, 9, 0, 3), &simple(1_000, 1, 0, 3)]);
    assert_eq!(run.counts(), JoinCounts::default());
}

#[test]
fn what_must_not_follow_is_waited_for() {
    let query =
        "sequence by name with maxspan=1s [any where pid == 1] [any where pid == 0] ![any where pid == 5]";
    let pair = [simple(1_000, 1, 0, 0), simple(1_050, 2, 0, 1)];
    let mut run = Run::new(query, WIDE);
    run.events(&pair).time_is(2_100);
    assert_eq!((run.found.len(), run.counts().undecided), (0, 1));
    assert_eq!(run.engine.due(), Some(2_101));
    run.time_is(2_101);
    assert_eq!(run.found, [[1, 2]]);
    let mut run = Run::new(query, WIDE);
    run.events(&pair).events([&simple(2_000, 3, 0, 3)]).time_is(END);
    assert_eq!((run.found.len(), run.counts().undecided), (0, 0), "it came within the time");
    let mut run = Run::new(query, WIDE);
    run.events(&pair).events([&simple(2_001, 3, 0, 3)]).time_is(END);
    assert_eq!(run.found, [[1, 2]], "it came behind its time");
    let mut run = Run::new(query, WIDE);
    run.events(&pair).finish();
    assert_eq!((run.found.len(), run.counts().undecided), (0, 1), "the end decides nothing");
    let mut run = Run::new(query, WIDE);
    run.events(&pair).events([&simple(2_001, 3, 0, 3)]).finish();
    assert_eq!(run.found, [[1, 2]], "but the last event has");
}

/// What nothing earlier comes behind is matched at once, behind what waited; what it could only have gone on with is not kept for it.
#[test]
fn what_is_in_its_place_does_not_wait() {
    let order = |millis, tiebreaker| Order { millis, tiebreaker };
    let mut run = Run::new(AB, WIDE);
    let nothing_before = |run: &mut Run, order: Order| {
        run.engine.nothing_before(order, |matched: &Match<'_, Timed>| run.found.push(serials(matched)));
    };
    run.events([&simple(1_050, 2, 0, 1), &simple(1_040, 1, 0, 0)]);
    assert_eq!((run.found.len(), run.engine.due()), (0, Some(1_141)), "both wait");
    nothing_before(&mut run, order(1_060, 4));
    assert_eq!(run.found, [[1, 2]], "what came before has its place");
    run.events([&simple(1_060, 4, 0, 0)]);
    nothing_before(&mut run, order(1_060, 6));
    run.events([&simple(1_060, 6, 0, 1)]);
    assert_eq!(run.found, [[1, 2], [4, 6]]);
    // Another than was announced waits, one that is behind it comes too late.
    nothing_before(&mut run, order(1_070, 7));
    run.events([&simple(1_070, 8, 0, 1), &simple(1_069, 9, 0, 0)]).time_is(END);
    assert_eq!((run.found.len(), run.counts().late), (3, 1));
    assert_eq!(run.found[2], [9, 8]);
}

/// Where only lines are wanted, of events in their place nothing is kept of what their alert will not be asked for.
#[test]
fn what_no_line_tells_is_not_kept() {
    let after =
        "sequence by name with maxspan=1s [any where pid == 1] [any where pid == 0] ![any where pid == -3]";
    let sample = "sample by name [any where pid == 1] [any where pid == 0]";
    let rule = |query, group: Option<&str>| Rule {
        program: program(query),
        group: group.map(str::to_owned),
        ..alert::sample::rule()
    };
    let of = |rule: Rule, lines_only: bool, is_placed: bool| {
        let mut engine = Engine::with_limits(vec![Arc::new(rule)], WIDE);
        if lines_only {
            engine.want_lines_only();
        }
        let mut whole = Vec::new();
        let mut found = |matched: &Match<'_, Timed>| {
            let Events::Kept(kept, _) = matched.events else { panic!("one event") };
            whole.extend(kept.iter().map(|event| !matches!(event.source, super::Source::Unwanted)));
        };
        for event in [simple(1_000, 1, 0, 0), simple(1_500, 2, 0, 1)] {
            if is_placed {
                engine.nothing_before(event.order, &mut found);
            }
            engine.process(&event, &mut found);
        }
        engine.time_is(END, &mut found);
        whole
    };
    assert_eq!(of(rule(AB, None), true, true), [false, false]);
    assert_eq!(of(rule(AB, None), false, true), [true, true]);
    assert_eq!(of(rule(AB, None), true, false), [true, true], "it is asked again in its place");
    assert_eq!(of(rule(AB, Some("g")), true, true), [true, true], "a case tells of all");
    assert_eq!(of(rule(after, None), true, true), [true, true], "the last is no longer at hand");
    assert_eq!(of(rule(sample, None), true, true), [true, true], "the last may be another");
}

#[test]
fn the_oldest_gives_way_and_is_counted() {
    let limits = Limits { partials: 4, ..WIDE };
    let firsts: Vec<Timed> = (0..6).map(|n| simple(1_000 + n, n as u64, n as u8, 0)).collect();
    let seconds: Vec<Timed> = (0..6).map(|n| simple(1_500 + n, 10 + n as u64, n as u8, 1)).collect();
    let mut run = Run::new(AB, limits);
    run.events(&firsts).events(&seconds).finish();
    assert_eq!(run.found, [[2, 12], [3, 13], [4, 14], [5, 15]]);
    assert_eq!(run.counts().evicted, 2);
    // The bound of all rules together.
    let mut run = Run::new(AB, Limits { all_partials: 4, ..WIDE });
    run.events(&firsts).events(&seconds).finish();
    assert_eq!(run.counts().evicted, 2, "{:?}", run.found);
    // The bound of what is kept for alerts: 128 + 3 bytes an event here.
    let mut run = Run::new(AB, Limits { bytes: 4 * 131, ..WIDE });
    run.events(&firsts).time_is(1_200).events(&seconds).finish();
    assert!(run.counts().evicted >= 2 && !run.found.is_empty(), "{:?} {:?}", run.counts(), run.found);
    assert!(run.engine.hosts.own.meter.bytes() <= 4 * 131);
}

/// Whoever holds most gives way, whatever the bound is that is met: one rule's, that of all, that of bytes.
#[test]
fn a_storm_of_one_login_user_pushes_nothing_of_others_out() {
    let narrow = [
        Limits { partials: 8, ..WIDE },
        Limits { all_partials: 8, ..WIDE },
        Limits { bytes: 9 * 131, ..WIDE },
    ];
    for limits in narrow {
        // Two of no login user's begin first, and then more of the storm than there is room for.
        let mut run = Run::new(AB, limits);
        run.events([&simple(1_000, 1, 0, 0), &simple(1_001, 2, 1, 0)]).time_is(1_150);
        for n in 0..200_u64 {
            let millis = 1_200 + i64::try_from(n).unwrap();
            run.events([&simple(millis, STORM + n, 2 + (n % 10) as u8, 0)]).time_is(millis + 101);
        }
        run.events([&simple(1_900, 3, 0, 1), &simple(1_901, 4, 1, 1)]).finish();
        assert_eq!(run.found, [[1, 3], [2, 4]], "{limits:?}: {:?}", run.counts());
        assert!(run.counts().evicted > 0, "{limits:?}");
    }
}

#[test]
fn nothing_is_kept_of_what_can_no_longer_be_completed() {
    let mut run = Run::new(AB, WIDE);
    let firsts: Vec<Timed> = (0..5_000).map(|n| simple(n * 10, n as u64, (n % 12) as u8, 0)).collect();
    run.events(&firsts);
    assert!(run.counts().held <= 24, "{:?}", run.counts());
    run.time_is(END);
    assert_eq!((run.counts().held, run.counts().evicted, run.engine.hosts.own.meter.bytes()), (0, 0, 0));
}

#[test]
fn a_sequence_without_maxspan_is_bounded_by_the_configuration() {
    let query = "sequence by name [any where pid == 1] [any where pid == 0]";
    let limits = Limits { span: 5_000, ..WIDE };
    let mut run = Run::new(query, limits);
    run.events([&simple(1_000, 1, 0, 0), &simple(6_000, 2, 0, 1)]);
    run.events([&simple(10_000, 3, 0, 0), &simple(15_001, 4, 0, 1)]).finish();
    assert_eq!(run.found, [[1, 2]]);
    assert_eq!(Span::of(&rule(query), &limits), Some(Span::Configured(5_000)));
    assert_eq!(Span::of(&rule(AB), &limits), Some(Span::Query(1_000)));
    assert_eq!(Span::of(&rule("any where ok"), &limits), None);
}

#[test]
fn a_clock_that_went_back_blinds_nothing() {
    let mut run = Run::new(AB, WIDE);
    run.events([&simple(9_000_000, 1, 0, 0)]);
    let back: Vec<Timed> = (0..300).map(|n| simple(1_000 + n, 2 + n as u64, 0, 2)).collect();
    run.events(&back);
    assert_eq!(run.counts().rewound, 1);
    // In order again, and in the window.
    run.events([&simple(1_350, 401, 0, 1), &simple(1_340, 400, 0, 0)]).time_is(2_000);
    assert_eq!(run.found, [[400, 401]]);
}

#[test]
fn a_sample_gives_each_key_once_within_the_look_back() {
    let query = "sample by name [any where pid == 1] [any where pid == 0]";
    let mut look = alert::sample::rule();
    look.from = "now-1m".to_owned();
    let rule = Arc::new(Rule { program: program(query), ..look });
    assert_eq!(Span::of(&rule, &WIDE), Some(Span::LookBack(60_000)));
    let mut run = Run { engine: Engine::with_limits(vec![rule], WIDE), found: Vec::new() };
    run.events([&simple(2_000, 2, 0, 1), &simple(1_000, 1, 0, 0), &simple(3_000, 3, 0, 0)]);
    assert_eq!(run.found, [[1, 2]], "in any order, at once, and once");
    run.events([&simple(61_000, 4, 2, 0), &simple(121_001, 5, 2, 1)]);
    assert_eq!(run.found.len(), 1, "too far apart");
    run.events([&simple(200_000, 6, 0, 1), &simple(200_001, 7, 0, 0)]);
    assert_eq!(run.found, [[1, 2], [7, 6]], "its window has passed, so the key counts anew");
    run.time_is(END);
    assert_eq!((run.counts().held, run.engine.hosts.own.meter.bytes()), (0, 0));
}

#[test]
fn a_state_is_taken_up_by_the_same_query_only() {
    let mut run = Run::new(AB, WIDE);
    run.events([&simple(1_000, 1, 0, 0)]).finish();
    let state = run.engine.save(&|_| String::new()).unwrap();
    let mut next = Run::new(AB, WIDE);
    assert_eq!(next.engine.resume(&state), Ok(Resumed { rules: 1, partials: 1, changed: 0 }));
    next.events([&simple(1_900, 2, 0, 1)]).finish();
    assert_eq!(next.found, [[1, 2]]);
    let mut other =
        Run::new("sequence by name with maxspan=2s [any where pid == 1] [any where pid == 0]", WIDE);
    assert_eq!(other.engine.resume(&state), Ok(Resumed { rules: 0, partials: 0, changed: 1 }));
    assert_eq!(other.engine.hosts.own.meter.bytes(), 0);
    // The bounds are those of the new run.
    let mut narrow = Run::new(AB, Limits { bytes: 100, ..WIDE });
    assert_eq!(narrow.engine.resume(&state).map(|resumed| resumed.partials), Ok(0));
    assert_eq!(narrow.counts().evicted, 1);
}

#[test]
fn a_damaged_state_is_refused_whole() {
    let mut run = Run::new(AB, WIDE);
    run.events([&simple(1_000, 1, 0, 0)]).finish();
    let state = run.engine.save(&|_| String::new()).unwrap();
    let text = String::from_utf8(state.clone()).unwrap();
    let refused = |bytes: &[u8]| {
        let mut next = Run::new(AB, WIDE);
        let error = next.engine.resume(bytes).unwrap_err();
        assert_eq!((next.counts(), next.engine.hosts.own.meter.bytes()), (JoinCounts::default(), 0));
        error.to_string()
    };
    for at in 0..state.len() {
        let mut bent = state.clone();
        bent[at] ^= 1;
        refused(&bent);
        refused(&state[..at]);
    }
    let version = text.replace("\"auditward_state\":1", "\"auditward_state\":2");
    assert_eq!(refused(version.as_bytes()), "it is of format 2, this program reads format 1");
    assert_eq!(refused(b""), "it is damaged (no header)");
}

#[test]
fn what_did_not_happen_is_told_in_the_order_of_its_times_however_often_the_clock_is_read() {
    let query =
        "sequence by name with maxspan=500ms [any where pid == 5] [any where pid == 0] ![any where pid == 1]";
    let events =
        [simple(1_000, 0, 0, 3), simple(1_050, 1, 1, 3), simple(1_100, 2, 1, 1), simple(1_200, 3, 0, 1)];
    for clock in [&[END][..], &[1_620, END], &[1_620, 1_660]] {
        let mut run = Run::new(query, WIDE);
        run.events(&events);
        clock.iter().for_each(|millis| _ = run.time_is(*millis));
        assert_eq!(run.found, [[0, 3], [1, 2]], "{clock:?}");
    }
}

/// Stages and their keys, of which sequences are put together.
fn queries() -> impl Strategy<Value = String> {
    let condition = prop::sample::select(
        &["pid == 1", "pid == 0", "pid <= 0", "ok", "true", "load > 1", "name != null", "pid == 5"][..],
    );
    let item =
        (condition.clone(), 0..8_u8, 0..6_u8).prop_map(|(c, missing, runs)| (c, missing == 0, runs == 0));
    let by =
        prop::sample::select(&["", "by name", "by ?name", "by args", "by name, ?pid", "by args, ok"][..]);
    let maxspan = prop::sample::select(&["", "500ms", "1s", "2s"][..]);
    let until = prop::option::weighted(0.3, condition);
    (by, maxspan, prop::collection::vec(item, 2..4), until).prop_map(|(by, maxspan, mut items, until)| {
        if maxspan.is_empty() || items.iter().all(|(_, missing, _)| *missing) {
            items.iter_mut().for_each(|(_, missing, _)| *missing = false);
        }
        let mut query = format!("sequence {by}");
        if !maxspan.is_empty() {
            query += &format!(" with maxspan={maxspan}");
        }
        for (condition, missing, runs) in items {
            query += if missing { " ![" } else { " [" };
            query += &format!("any where {condition}]");
            query += if runs && !missing { " with runs=2" } else { "" };
        }
        query + &until.map(|c| format!(" until [any where {c}]")).unwrap_or_default()
    })
}

/// Events with gaps of up to half a second, each with how long it is under way.
fn streams() -> impl Strategy<Value = Vec<(Timed, i64)>> {
    let one = (0..500_i64, prop::collection::vec(any::<u8>(), 0..24), 0..=100_i64);
    prop::collection::vec(one, 1..40).prop_map(|all| {
        let mut millis = 1_000;
        let place = |(serial, (gap, bytes, delay)): (usize, (i64, Vec<u8>, i64))| {
            millis += if gap < 200 { 0 } else { gap / 4 };
            (event(millis, serial as u64, &bytes), delay)
        };
        all.into_iter().enumerate().map(place).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(600) })]

    #[test]
    fn a_stream_in_any_order_within_the_window_gives_what_the_finite_set_gives(
        query in queries(), stream in streams(),
    ) {
        let (documents, delays): (Vec<Timed>, Vec<i64>) = stream.into_iter().unzip();
        let compiled = program(&query);
        let expected: Vec<Vec<u64>> = answer(&compiled, &documents, Bounds::default())
            .into_iter()
            .map(|found| found.events.into_iter().flatten().map(|at| at as u64).collect())
            .collect();
        let mut in_order = Run::new(&query, WIDE);
        in_order.events(&documents).time_is(END);
        let mut arrivals: Vec<usize> = (0..documents.len()).collect();
        arrivals.sort_by_key(|at| documents[*at].order.millis + delays[*at]);
        let mut shuffled = Run::new(&query, WIDE);
        shuffled.events(arrivals.iter().map(|at| &documents[*at])).time_is(END);
        prop_assert_eq!(&in_order.found, &shuffled.found, "{}", query);
        prop_assert_eq!((shuffled.counts().late, shuffled.counts().evicted), (0, 0));
        // Live, what waited for something not to happen comes later.
        let sorted = |mut all: Vec<Vec<u64>>| { all.sort(); all };
        prop_assert_eq!(sorted(in_order.found), sorted(expected), "{}", query);
    }

    #[test]
    fn stopping_and_starting_anywhere_changes_nothing(
        query in queries(), stream in streams(), stop in any::<prop::sample::Index>(),
    ) {
        let documents: Vec<Timed> = stream.into_iter().map(|(event, _)| event).collect();
        let mut whole = Run::new(&query, WIDE);
        whole.events(&documents).time_is(END);
        let (before, after) = documents.split_at(stop.index(documents.len()));
        let mut first = Run::new(&query, WIDE);
        first.events(before).finish();
        let mut second = Run::new(&query, WIDE);
        second.engine.resume(&first.engine.save(&|_| String::new()).unwrap()).unwrap();
        second.events(after).time_is(END);
        let mut found = first.found;
        found.append(&mut second.found);
        prop_assert_eq!(&found, &whole.found, "{}", query);
    }

    #[test]
    fn a_sample_over_a_stream_finds_the_keys_that_the_finite_set_has(
        by in prop::sample::select(&["name", "?name", "args", "?args, ok"][..]),
        conditions in prop::collection::vec(
            prop::sample::select(&["pid == 1", "pid <= 0", "ok", "true", "load > 1"][..]), 2..4),
        stream in streams(),
    ) {
        let items: Vec<String> = conditions.iter().map(|c| format!("[any where {c}]")).collect();
        let query = format!("sample by {by} {}", items.join(" "));
        let documents: Vec<Timed> = stream.into_iter().map(|(event, _)| event).collect();
        let compiled = program(&query);
        prop_assert_eq!(compiled.kind(), Kind::Sample);
        let expected = answer(&compiled, &documents, Bounds::default()).len();
        let mut run = Run::new(&query, WIDE);
        run.events(&documents);
        prop_assert_eq!(run.found.len(), expected, "{}", query);
        for events in &run.found {
            let mut distinct = events.clone();
            distinct.sort_unstable();
            distinct.dedup();
            prop_assert_eq!(distinct.len(), conditions.len());
        }
    }
}

/// The property above would say nothing if hardly any query ever matched.
#[test]
fn random_sequences_match_often_enough() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut matched, mut missing) = (0, 0);
    for _ in 0..300 {
        let query = queries().new_tree(&mut runner).unwrap().current();
        let stream = streams().new_tree(&mut runner).unwrap().current();
        let mut run = Run::new(&query, WIDE);
        run.events(stream.iter().map(|(event, _)| event)).time_is(END);
        matched += usize::from(!run.found.is_empty());
        missing += usize::from(!run.found.is_empty() && query.contains("!["));
    }
    assert!(matched > 100 && missing > 5, "{matched} {missing}");
}
