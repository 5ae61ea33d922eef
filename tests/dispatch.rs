//! The engine asks only the rules that an event can match, and says exactly what asking every rule says.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot read its fixtures fails")]

mod common;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use auditward::alert::{Alert, source, text_of};
use auditward::audit::Shelf;
use auditward::detect::{Engine, Events, Evidence, Keep, Kept, Limits, Match, Source};
use auditward::eql::Kind;
use auditward::eql::finite::{Bounds, answer};
use auditward::event::document::Order;
use auditward::event::schema::{Live, field};
use auditward::event::{Document, FieldId, Held, Resting, Value, Values};
use auditward::rule::Rule;
use auditward::rule::load::{embedded, load};
use auditward::shares::Holder;
use common::{each_document, recordings};
use proptest::prelude::*;
use serde_json::{Map, Value as Json};

/// Rules that ask about every kind of thing, in every form that the index takes apart.
const QUERIES: &[&str] = &[
    "any where true",
    "process where event.type == \"start\"",
    "process where event.action in (\"exec\", \"fork\") and process.name : (\"USERMOD\", \"useradd\")",
    "process where process.name == \"usermod\" or process.args == \"-o\"",
    "process where process.args == \"-u\" and process.args == \"0\" and process.args == \"-o\"",
    "process where process.name like \"user*\" and not process.args : \"-?\"",
    "process where process.name like~ \"*ADD\" or process.executable : \"/usr/sbin/*\"",
    "process where process.parent.name in (\"bash\", \"sh\") and process.args_count >= 2",
    "file where event.type == \"creation\" or file.path : \"/etc/*\"",
    "any where event.category == \"iam\" and event.outcome == \"success\"",
    "any where not event.category == \"process\"",
    "process where process.name == null",
    "process where process.name != null and process.name regex \"user.+\"",
    "process where length(process.name) == 7 and startsWith(process.name, \"user\")",
    "process where user.id in (\"0\", \"1000\") and process.pid > 0",
    "process where false",
    "process where process.name in~ (\"Usermod\", \"é\")",
];

fn rule(number: usize, query: &str) -> String {
    format!(
        "[rule]\nrule_id = \"{number}\"\nname = \"Rule {number}\"\ndescription = \"d\"\ntype = \"eql\"\n\
         severity = \"low\"\nrisk_score = 21\nquery = '''\n{query}\n'''\n"
    )
}

fn rules_of<Q: AsRef<str>>(queries: &[Q]) -> Vec<Arc<Rule>> {
    let directory = tempfile::tempdir().unwrap();
    for (number, query) in queries.iter().enumerate() {
        std::fs::write(directory.path().join(format!("{number:05}.toml")), rule(number, query.as_ref()))
            .unwrap();
    }
    let loaded = load(&[directory.path().to_owned()], &Live);
    assert_eq!((loaded.errors(), loaded.rules.len()), (0, queries.len()), "{:#?}", loaded.diagnostics);
    loaded.rules
}

/// Our own, the embedded, and Elastic's where they are at hand.
fn all_rules() -> Vec<Arc<Rule>> {
    let mut rules = rules_of(QUERIES);
    rules.extend(embedded(&Live).rules);
    if let Some(corpus) = common::shared("elastic-rules") {
        rules.extend(load(&[PathBuf::from(&corpus)], &Live).rules);
    }
    rules
}

/// The rule's id and where it came from: Elastic's newer text of our rule has the same id.
fn key(rule: &Rule) -> String {
    format!("{} {}", rule.ruleset, rule.uuid)
}

/// What the engine says of `event`, after checking it against what each rule says by itself.
fn ask<D: Document + Keep>(engine: &mut Engine, event: &D) -> Vec<String> {
    let mut found = Vec::new();
    engine.process(event, |matched| {
        let Events::One(one) = matched.events else { return };
        assert!(std::ptr::eq(one, event));
        found.push(key(matched.rule));
    });
    let single = engine.rules().iter().filter(|rule| rule.program.kind() == Kind::Event);
    let each: Vec<String> = single.filter(|rule| rule.program.matches(event)).map(|rule| key(rule)).collect();
    assert_eq!(found, each);
    found
}

#[test]
fn dispatch_says_what_every_rule_says_of_every_recorded_event() {
    let mut engine = Engine::new(all_rules());
    let mut matches: BTreeMap<String, u64> = BTreeMap::new();
    let mut events = 0;
    for (_, log) in recordings() {
        each_document(&log, |event| {
            events += 1;
            for key in ask(&mut engine, event) {
                *matches.entry(key).or_default() += 1;
            }
        });
    }
    assert!(events > 7_000, "{events}");
    assert_eq!(engine.events(), events);
    let asked: u64 = engine.counts().map(|(_, counts)| counts.asked).sum();
    // What sequences join of these is held against the finite machine elsewhere (src/detect/tests.rs).
    for (rule, counts) in engine.counts().filter(|(rule, _)| rule.program.kind() == Kind::Event) {
        assert_eq!(counts.matched, matches.get(&key(rule)).copied().unwrap_or_default(), "{}", rule.name);
        assert!(counts.matched <= counts.asked && counts.asked <= events);
    }
    let all = events * engine.rules().len() as u64;
    eprintln!("{events} events, {} rules: asked {asked} times of {all}", engine.rules().len());
    assert!(asked * 2 < all);
}

/// Sequences of every shape that execs alone can complete; their stages are among those that the index
/// takes apart.
const SEQUENCES: &[&str] = &[
    "sequence by process.parent.pid with maxspan=2s [process where event.type == \"start\"] with runs=3",
    "sequence with maxspan=5s [process where process.name in (\"bash\", \"sh\")] by process.pid \
     [process where event.action == \"exec\"] by process.parent.pid",
    "sequence by process.parent.pid, user.id [process where process.args : \"-*\"] \
     [process where not process.args : \"-*\"] until [process where process.name == \"cat\"]",
    "sequence by host.id with maxspan=3s [process where process.name : \"user*\"] \
     ![process where process.name == \"sed\"] [any where true]",
    "sequence by process.parent.pid with maxspan=1m ![process where process.name == \"id\"] \
     [process where process.name regex \"[a-m].*\"] [process where process.name regex \"[n-z].*\"]",
    "sequence by ?process.args with maxspan=1s [process where true] [process where true]",
];

/// Indexed dispatch of stages, queue and state machine together find what the machine finds that is asked
/// about every event of a whole recording.
#[test]
fn dispatch_finds_the_sequences_that_asking_about_every_event_finds() {
    let wide = Limits {
        span: 1 << 40,
        partials: 1 << 20,
        all_partials: 1 << 22,
        bytes: 1 << 30,
        ..Limits::default()
    };
    let mut rules = rules_of(SEQUENCES);
    let own = rules.len();
    rules.extend(common::shared("elastic-rules").into_iter().flat_map(|corpus| load(&[corpus], &Live).rules));
    rules.retain(|rule| rule.program.kind() == Kind::Sequence && rule.not_live.is_none());
    let mut wanted: Vec<FieldId> = rules.iter().flat_map(|rule| rule.program.fields()).copied().collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mut sequences: BTreeMap<String, usize> = BTreeMap::new();
    for (name, log) in recordings() {
        let mut engine = Engine::with_limits(rules.clone(), wide);
        let mut found: BTreeMap<String, Vec<Vec<u64>>> = BTreeMap::new();
        let mut note = |rule: &Rule, events: &[Kept]| {
            let serials = events.iter().map(|event| event.serial).collect();
            found.entry(key(rule)).or_default().push(serials);
        };
        let (arena, mut events) = (bumpalo::Bump::new(), Vec::new());
        each_document(&log, |event| {
            events.push(Held::copy(event, &wanted, &arena));
            engine.process(event, |matched| match matched.events {
                Events::Kept(kept, _) => note(matched.rule, kept),
                Events::One(_) => panic!("only sequences are loaded"),
            });
        });
        engine.finish(|matched: &Match<'_, Held<'_>>| match matched.events {
            Events::Kept(kept, _) => note(matched.rule, kept),
            Events::One(_) => panic!("only sequences are loaded"),
        });
        assert_eq!((engine.join_counts().late, engine.join_counts().evicted), (0, 0), "{name}");
        for rule in &rules {
            let all = answer(&rule.program, &events, Bounds::default());
            let serial = |at: &usize| events[*at].order().tiebreaker;
            // What ends with a missing event is undecided where a stream ends.
            let decided = all.iter().filter(|hit| hit.events.last().is_some_and(Option::is_some));
            let mut expected: Vec<Vec<u64>> =
                decided.map(|hit| hit.events.iter().flatten().map(serial).collect()).collect();
            let mut found = found.remove(&key(rule)).unwrap_or_default();
            expected.sort();
            found.sort();
            assert_eq!(found, expected, "{name}: {}", rule.name);
            *sequences.entry(key(rule)).or_default() += expected.len();
        }
    }
    eprintln!("{} rules found {} sequences", rules.len(), sequences.values().sum::<usize>());
    let seldom: Vec<_> =
        rules[..own].iter().filter(|rule| sequences[&key(rule)] < 2).map(|rule| &rule.name).collect();
    assert!(seldom.is_empty(), "these prove nothing: {seldom:?}");
}

/// What is kept of an event, its source, and the event on a shelf.
type Waiting = (Evidence, Map<String, Json>, Option<Resting>);

/// What is kept of an event gives the source of an alert of it, also when the process table has gone on; and
/// an alert of it is that of its source, line and document to the byte.
#[test]
fn what_is_kept_of_an_event_makes_the_alert_that_its_source_makes() {
    let rule = &embedded(&Live).rules[0];
    let (mut events, mut with_parents, mut joined) = (0, 0, 0);
    for (name, log) in recordings() {
        let (mut kept, mut shelf): (Vec<Waiting>, _) = Default::default();
        let mut check = |kept: &mut Vec<Waiting>, shelf: &mut Shelf| {
            for (evidence, source, rested) in &mut *kept {
                if let Some(rested) = rested.take() {
                    evidence.source = Source::Event(rested.stored(shelf));
                }
                // As texts, so that the order of the keys counts.
                let text: Json = serde_json::from_str(&text_of(&evidence.source)).unwrap();
                assert_eq!(text.to_string(), Json::Object(source.clone()).to_string(), "{name}");
                with_parents +=
                    u64::from(source.get("auditward").is_some_and(|own| own["ancestors"].is_array()));
            }
            for some in kept.chunks(3) {
                let evidence: Vec<&Evidence> = some.iter().map(|(evidence, ..)| evidence).collect();
                let sources: Vec<_> = some.iter().map(|(_, source, _)| source.clone()).collect();
                let stamps: Vec<_> = evidence.iter().map(|evidence| evidence.stamp()).collect();
                let now = jiff::Timestamp::UNIX_EPOCH;
                let host = &evidence.last().unwrap().host_id();
                let expected = Alert::new(rule, &sources, &stamps, host, now);
                let alert = Alert::of_events(rule, &evidence, None, now);
                assert_eq!(alert.line, expected.line, "{name}");
                assert_eq!(alert.json(), expected.json(), "{name}");
                joined += 1;
            }
            kept.clear();
        };
        each_document(&log, |event| {
            let (evidence, source) = (event.keep(), source(event));
            let stamp = evidence.stamp();
            let expected = Alert::new(
                rule,
                std::slice::from_ref(&source),
                &[stamp],
                &evidence.host_id(),
                jiff::Timestamp::UNIX_EPOCH,
            );
            let alert = Alert::of_events(rule, &[&evidence], Some(event), jiff::Timestamp::UNIX_EPOCH);
            assert_eq!(alert.line, expected.line, "{name}");
            assert_eq!(alert.json(), expected.json(), "{name}");
            // Every second one waits on a shelf meanwhile.
            let rested = if events % 2 == 0 { event.rest(&mut shelf) } else { None };
            kept.push((evidence, source, rested));
            events += 1;
            if kept.len() == 100 {
                check(&mut kept, &mut shelf);
            }
        });
        check(&mut kept, &mut shelf);
    }
    assert!(events > 7_000 && with_parents > 1_000 && joined > 2_000, "{events} {with_parents} {joined}");
}

/// What is answered from the system call alone is what the whole of `auditd.data` has.
#[test]
fn a_call_is_asked_as_its_document_shows_it() {
    let fields = [
        ("a0", field::AUDITD_DATA_A0),
        ("a1", field::AUDITD_DATA_A1),
        ("a2", field::AUDITD_DATA_A2),
        ("a3", field::AUDITD_DATA_A3),
        ("syscall", field::AUDITD_DATA_SYSCALL),
    ];
    let mut known = 0;
    for (name, log) in recordings() {
        each_document(&log, |event| {
            let source = Json::Object(source(event));
            for (key, field) in fields {
                let values = event.values(field);
                let texts: Vec<Json> = values
                    .as_slice()
                    .iter()
                    .map(|value| match value {
                        Value::Text(text) => String::from_utf8_lossy(text).into(),
                        other => panic!("{other:?}"),
                    })
                    .collect();
                let shown = match &source["auditd"]["data"][key] {
                    Json::Null => Vec::new(),
                    Json::Array(list) => list.clone(),
                    one => vec![one.clone()],
                };
                assert_eq!(texts, shown, "{name}: {key}");
                known += texts.len();
            }
        });
    }
    assert!(known > 10_000, "{known}");
}

#[test]
fn the_first_rule_matches_as_the_index_of_the_recordings_says() {
    let index = std::fs::read_to_string(common::fixtures().join("uid0/INDEX.tsv")).unwrap();
    let mut expected = BTreeMap::from([("admin-day.log".to_owned(), 0)]);
    for line in index.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&str> = line.split('\t').collect();
        if let Some(Ok(count)) = columns.get(2).map(|count| count.parse::<u64>()) {
            let name = columns[0].trim_end_matches(".log");
            expected.insert(format!("{name}.log"), count);
        }
    }
    assert_eq!(expected.len(), 26, "25 ways and a day without an attack");
    for (name, log) in recordings() {
        let Some(count) = expected.get(&name) else { continue };
        let mut engine = Engine::new(embedded(&Live).rules);
        each_document(&log, |event| engine.process(event, |_| {}));
        let literal = engine.counts().find(|(rule, _)| rule.id == "linux_backdoor_user_creation");
        let (_, counts) = literal.unwrap();
        assert_eq!(counts.matched, *count, "{name}");
        assert!(counts.asked < counts.matched + 200, "{name}: asked {} times", counts.asked);
    }
}

/// Once its memory has its size, an event that matches nothing takes none from the heap, whatever the
/// number of rules. (The event itself is mapped in an arena, before.)
#[test]
fn an_event_that_matches_no_rule_allocates_nothing() {
    let mut queries: Vec<String> = (0..500)
        .map(|n| format!("process where event.type == \"start\" and process.name : \"tool-{n}\""))
        .collect();
    queries.extend(
        (0..50).map(|n| format!("process where process.args : \"*--flag-{n}=*\" and process.pid > 0")),
    );
    let mut engine = Engine::new(rules_of(&queries));
    let names: [&[u8]; 3] = [b"tool-none", b"TOOL-NONE", b"a name that is longer than sixteen"];
    let args = [Value::Text(b"usermod"), Value::Text(b"--flag-=x"), Value::Text(b"\xff\xfe")];
    let events = names.map(|name| {
        Fields(BTreeMap::from([
            (field::EVENT_CATEGORY, vec![Value::Text(b"process")]),
            (field::EVENT_TYPE, vec![Value::Text(b"start")]),
            (field::PROCESS_NAME, vec![Value::Text(name)]),
            (field::PROCESS_ARGS, args.to_vec()),
            (field::PROCESS_PID, vec![Value::Long(7)]),
        ]))
    });
    let mut matched = 0;
    events.iter().for_each(|event| engine.process(event, |_| matched += 1));
    let used = allocation_counter::measure(|| {
        for _ in 0..100 {
            events.iter().for_each(|event| engine.process(event, |_| matched += 1));
        }
    });
    assert_eq!((matched, used.count_total), (0, 0));
}

/// What is not tried, since an event has too many combinations of values, is counted where status and replay
/// look for it.
#[test]
fn comparisons_that_are_cut_are_counted() {
    let mut engine = Engine::new(rules_of(&["any where concat(process.args, process.parent.args) == \"x\""]));
    let mut ask = |values: usize| {
        let many = vec![Value::Text(b"a"); values];
        let fields = [(field::PROCESS_ARGS, many.clone()), (field::PROCESS_PARENT_ARGS, many)];
        engine.process(&Fields(BTreeMap::from(fields)), |_| panic!("no match"));
        engine.join_counts().comparisons_cut
    };
    assert_eq!([ask(256), ask(257), ask(1)], [0, 1, 1]);
}

/// An event of fields with values.
#[derive(Debug)]
struct Fields(BTreeMap<FieldId, Vec<Value<'static>>>);

impl Document for Fields {
    fn values(&self, field: FieldId) -> Values<'_> {
        match self.0.get(&field).map(Vec::as_slice) {
            None | Some([]) => Values::None,
            Some([one]) => Values::One(*one),
            Some(many) => Values::Many(many),
        }
    }

    fn order(&self) -> Order {
        Order { millis: 0, tiebreaker: 0 }
    }
}

impl Keep for Fields {
    fn keep(&self) -> Evidence {
        Evidence {
            millis: 0,
            serial: 0,
            host: Some("".into()),
            holder: Holder::NoLogin,
            source: Source::Text("{}".into()),
        }
    }
}

const WORDS: [&str; 10] =
    ["process", "start", "exec", "usermod", "USERMOD", "user", "-u", "0", "", "\u{212a}ill"];
const FIELDS: [(&str, FieldId); 6] = [
    ("event.category", field::EVENT_CATEGORY),
    ("event.type", field::EVENT_TYPE),
    ("event.action", field::EVENT_ACTION),
    ("process.name", field::PROCESS_NAME),
    ("process.args", field::PROCESS_ARGS),
    ("process.parent.name", field::PROCESS_PARENT_NAME),
];

/// A condition that compiles.
fn condition() -> impl Strategy<Value = String> {
    let field = || prop::sample::select(&FIELDS[..]).prop_map(|(name, _)| name);
    let words = || prop::collection::vec(prop::sample::select(&WORDS[..]), 1..4);
    let list =
        |words: Vec<&str>| words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
    let operator = prop::sample::select(&["in", "in~", ":", "like", "like~", "not in"][..]);
    let leaf = prop_oneof![
        6 => (field(), operator, words()).prop_map(move |(f, op, w)| format!("{f} {op} ({})", list(w))),
        2 => (field(), words()).prop_map(|(f, w)| format!("{f} : \"*{}*\"", w[0])),
        2 => (field(), words()).prop_map(|(f, w)| format!("{f} == \"{}\"", w[0])),
        1 => field().prop_map(|f| format!("{f} == null")),
        1 => field().prop_map(|f| format!("startsWith~({f}, \"u\")")),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 1..4).prop_map(|all| format!("({})", all.join(" and "))),
            2 => prop::collection::vec(inner.clone(), 1..4).prop_map(|any| format!("({})", any.join(" or "))),
            1 => inner.prop_map(|one| format!("not ({one})")),
        ]
    })
}

fn event() -> impl Strategy<Value = Fields> {
    let values = prop::collection::vec(prop::sample::select(&WORDS[..]), 0..4);
    prop::collection::vec(values, FIELDS.len()).prop_map(|values| {
        let texts =
            |words: Vec<&'static str>| words.into_iter().map(|word| Value::Text(word.as_bytes())).collect();
        Fields(FIELDS.iter().zip(values).map(|((_, field), words)| (*field, texts(words))).collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn dispatch_says_what_every_rule_says_of_random_events(
        conditions in prop::collection::vec((prop::sample::select(&["any", "process"][..]), condition()), 1..70),
        events in prop::collection::vec(event(), 1..40),
    ) {
        let queries: Vec<String> = conditions.into_iter().map(|(category, c)| format!("{category} where {c}")).collect();
        let mut engine = Engine::new(rules_of(&queries));
        for event in &events {
            ask(&mut engine, event);
        }
    }
}

/// Not a test: what the rules cost on a day of ordinary work.
/// `cargo test --release --test dispatch -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn cost_of_rules() {
    let log = common::gunzip(&common::fixtures().join("admin-day.log.gz"));
    let sets = [
        ("no rules", Vec::new()),
        ("v7", embedded(&Live).rules),
        ("all", all_rules().split_off(QUERIES.len())),
    ];
    for _ in 0..3 {
        for (name, rules) in &sets {
            let mut engine = Engine::new(rules.clone());
            let start = std::time::Instant::now();
            for _ in 0..20 {
                each_document(&log, |event| engine.process(event, |_| {}));
            }
            let spent = start.elapsed();
            let asked: u64 = engine.counts().map(|(_, counts)| counts.asked).sum();
            let per = spent.as_nanos() / u128::from(engine.events());
            eprintln!(
                "{name}: {} rules, {per} ns an event with mapping, asked {:.2} an event",
                rules.len(),
                asked as f64 / engine.events() as f64
            );
        }
    }
}
