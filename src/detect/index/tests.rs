//! The index says of every event what each condition says by itself.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::diagnostic::Source;
use crate::eql::Program;
use crate::event::document::Order;
use crate::event::origin::Number;
use crate::event::schema::Live;
use crate::event::{FieldId, Values};

/// An event of fields with values, which counts what it is asked.
#[derive(Debug, Default)]
struct Event {
    values: Vec<(FieldId, Vec<Value<'static>>)>,
    kind: Option<[u8; 16]>,
    /// Has numbers for the processes that its values tell of.
    numbered: bool,
    asked: Cell<usize>,
}

impl Document for Event {
    fn values(&self, field: FieldId) -> Values<'_> {
        self.asked.set(self.asked.get() + 1);
        match self.values.iter().find(|(known, _)| *known == field).map(|(_, values)| values.as_slice()) {
            None | Some([]) => Values::None,
            Some([one]) => Values::One(*one),
            Some(many) => Values::Many(many),
        }
    }

    fn order(&self) -> Order {
        Order { millis: 0, tiebreaker: 0 }
    }

    fn kind(&self) -> Option<[u8; 16]> {
        self.kind
    }

    fn origin(&self, origin: Origin) -> Option<Number> {
        let of = |(field, values): &&(FieldId, Vec<Value<'_>>)| {
            Origin::of(*field) == Some(origin) && !values.is_empty()
        };
        let told: Vec<_> = self.values.iter().filter(of).collect();
        self.numbered.then(|| (!told.is_empty()).then(|| number(&format!("{told:?}"))))
    }
}

/// The same for the same text, and for no other.
fn number(text: &str) -> NonZeroU64 {
    thread_local! {
        static KNOWN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    }
    KNOWN.with_borrow_mut(|known| {
        let at = known.iter().position(|other| other == text).unwrap_or_else(|| {
            known.push(text.to_owned());
            known.len() - 1
        });
        NonZeroU64::MIN.saturating_add(at as u64)
    })
}

impl Event {
    /// The same with a kind, which is told by what [`Document::kind`] settles.
    fn of_its_kind(mut self, numbered: bool) -> Self {
        let mut texts = Vec::new();
        push_values(&self, &OF_KIND, &mut texts);
        let number = number(&format!("kind {texts:?}"));
        self.kind = Some(std::array::from_fn(|at| number.get().to_le_bytes().get(at).copied().unwrap_or(1)));
        self.numbered = numbered;
        self
    }

    fn with(mut self, field: FieldId, texts: &[&'static str]) -> Self {
        self.values.push((field, texts.iter().map(|text| Value::Text(text.as_bytes())).collect()));
        self
    }
}

fn programs<Q: AsRef<str>>(queries: &[Q]) -> Vec<Program> {
    let compile = |query: &Q| {
        let source = Arc::new(Source { name: "<query>".into(), text: query.as_ref().to_owned() });
        Program::compile(&source, &Live).unwrap_or_else(|faults| panic!("{}: {faults:?}", query.as_ref()))
    };
    queries.iter().map(compile).collect()
}

fn index(programs: &[Program]) -> Index {
    index_of(programs, OUTCOMES)
}

fn index_of(programs: &[Program], most: usize) -> Index {
    Index::remembering(programs.iter().flat_map(Program::stages).map(|stage| &stage.condition), most)
}

/// Which conditions hold, and how many were asked; held against each condition by itself.
fn ask(index: &mut Index, programs: &[Program], event: &Event) -> (Vec<usize>, usize) {
    let (mut held, mut asked) = (Vec::new(), Vec::new());
    index.ask(event, |unit, holds| {
        asked.push(unit);
        held.extend(holds.then_some(unit));
    });
    assert!(asked.is_sorted());
    let each = programs.iter().enumerate().filter(|(_, program)| program.matches(event));
    assert_eq!(held, each.map(|(unit, _)| unit).collect::<Vec<_>>());
    (held, asked.len())
}

const QUERIES: [&str; 9] = [
    "process where event.type == \"start\" and process.name in (\"usermod\", \"useradd\")",
    "process where event.type == \"start\" and process.name == \"passwd\" and process.args == \"-d\"",
    "file where event.type == \"change\"",
    "any where true",
    "process where process.args : (\"-u\", \"--uid*\") and process.args : \"*0\"",
    "process where false",
    "process where process.parent.name == \"bash\" and not process.args : \"-?\"",
    "process where length(process.name) == 7",
    "process where process.name == null or process.args_count >= 2",
];

#[test]
fn what_the_kind_and_the_program_decide_is_not_asked() {
    let programs = programs(&QUERIES);
    let mut index = index(&programs);
    let start =
        || Event::default().with(field::EVENT_CATEGORY, &["process"]).with(field::EVENT_TYPE, &["start"]);
    let usermod = || {
        start()
            .with(field::PROCESS_NAME, &["usermod"])
            .with(field::PROCESS_ARGS, &["usermod", "-u", "0"])
            .with(field::PROCESS_PARENT_NAME, &["sh"])
    };
    for _ in 0..3 {
        // Known: 0 and 3 hold. Asked: the arguments, the length, the number of arguments.
        assert_eq!(ask(&mut index, &programs, &usermod()), (vec![0, 3, 4, 7], 5));
        assert_eq!(ask(&mut index, &programs, &start()), (vec![3, 8], 4));
        let change =
            Event::default().with(field::EVENT_CATEGORY, &["file"]).with(field::EVENT_TYPE, &["change"]);
        assert_eq!(ask(&mut index, &programs, &change), (vec![2, 3], 2));
    }
}

#[test]
fn of_a_kind_that_no_rule_asks_for_nothing_is_asked() {
    let programs = programs(&QUERIES[..3]);
    let mut index = index(&programs);
    let of_kind = |kind| Event { kind: Some([kind; 16]), ..Event::default() };
    let first = of_kind(1);
    assert_eq!(ask(&mut index, &programs, &first), (vec![], 0));
    let again = of_kind(1);
    index.ask(&again, |_, _| panic!("nothing is open"));
    assert_eq!((first.asked.get() > 0, again.asked.get()), (true, 0));
}

/// What differs in the fields that are remembered is told apart, whatever stands in them.
#[test]
fn keys_of_different_values_differ() {
    let texts: [&[&'static str]; 6] = [&[], &[""], &["", ""], &["a", "b"], &["ab"], &["a"]];
    let values = [
        Value::Text(b"1"),
        Value::Long(1),
        Value::Double(1.0),
        Value::Bool(true),
        Value::Date(1),
        Value::Ip([0, 0, 0, 1].into()),
        Value::Ip([0, 0, 0, 0, 0, 0, 0, 1].into()),
    ];
    let mut events: Vec<Event> = Vec::new();
    for first in texts {
        for second in texts {
            events.push(Event::default().with(FieldId(1), first).with(FieldId(2), second));
        }
    }
    events.extend(values.map(|value| Event { values: vec![(FieldId(1), vec![value])], ..Event::default() }));
    let key = |event: &Event| {
        let mut key = Vec::new();
        push_values(event, &[FieldId(1), FieldId(2)], &mut key);
        key
    };
    let mut keys: Vec<Vec<u8>> = events.iter().map(key).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), events.len());
}

/// More programs than are remembered, again and again.
#[test]
fn what_is_forgotten_is_found_again() {
    let programs = programs(&QUERIES);
    let mut index = index(&programs);
    for round in 0..2 {
        for n in 0..3 * ANSWERS {
            let name: &'static str = if n % 7 == round { "usermod" } else { format!("tool-{n}").leak() };
            let event = Event::default()
                .with(field::EVENT_CATEGORY, &["process"])
                .with(field::EVENT_TYPE, &["start"])
                .with(field::PROCESS_NAME, &[name]);
            ask(&mut index, &programs, &event);
        }
    }
}

/// A command that came before is not read again, whatever else differs.
#[test]
fn of_a_command_that_comes_again_no_field_is_read() {
    let programs = programs(&QUERIES[..8]);
    let mut index = index(&programs);
    let command = |arguments, entity| {
        Event::default()
            .with(field::EVENT_CATEGORY, &["process"])
            .with(field::EVENT_TYPE, &["start"])
            .with(field::PROCESS_NAME, &["usermod"])
            .with(field::PROCESS_ARGS, arguments)
            .with(field::PROCESS_PARENT_NAME, &["bash"])
            .with(field::PROCESS_ENTITY_ID, entity)
            .of_its_kind(true)
    };
    let first = command(&["usermod", "-u", "0"], &["1"]);
    assert_eq!(ask(&mut index, &programs, &first).0, [0, 3, 4, 7]);
    let again = command(&["usermod", "-u", "0"], &["2"]);
    again.asked.set(0);
    let mut held = Vec::new();
    index.ask(&again, |unit, holds| held.extend(holds.then_some(unit)));
    assert_eq!((held.as_slice(), again.asked.get()), (&[0, 3, 4, 7][..], 0));
    let other = command(&["usermod", "-L", "bob"], &["2"]);
    assert_eq!(ask(&mut index, &programs, &other).0, [0, 3, 7]);
}

/// What was not found in a field by which nothing is remembered may be there the next time.
#[test]
fn what_one_event_lacks_is_looked_for_in_the_next_like_it() {
    let queries: Vec<String> =
        (0..5).map(|n| format!("configuration where auditd.data.audit_pid == \"{n}\"")).collect();
    let programs = programs(&queries);
    for most in [1, OUTCOMES] {
        let mut index = index_of(&programs, most);
        for (pid, held) in [("218", None), ("0", Some(0)), ("218", None), ("4", Some(4))] {
            let event = Event::default()
                .with(field::EVENT_CATEGORY, &["configuration"])
                .with(field::AUDITD_DATA_AUDIT_PID, &[pid])
                .of_its_kind(true);
            assert_eq!(ask(&mut index, &programs, &event).0, Vec::from_iter(held), "{pid}");
        }
    }
}

const WORDS: [&str; 10] =
    ["process", "file", "start", "usermod", "USERMOD", "user", "-u", "", "\u{212a}ill", "a b"];
const FIELDS: [FieldId; 11] = [
    field::AUDITD_DATA_COMM,
    field::EVENT_CATEGORY,
    field::EVENT_TYPE,
    field::PROCESS_NAME,
    field::PROCESS_PARENT_NAME,
    field::PROCESS_ARGS,
    field::PROCESS_COMMAND_LINE,
    field::PROCESS_PARENT_ARGS,
    field::PROCESS_ENTITY_ID,
    field::FILE_PATH,
    field::USER_ID,
];

fn condition() -> impl Strategy<Value = String> {
    let name = |field: FieldId| crate::event::schema::row(field).map_or("", |row| row.name);
    let field = move || prop::sample::select(&FIELDS[..]).prop_map(name);
    let words = || prop::collection::vec(prop::sample::select(&WORDS[..]), 1..4);
    let list =
        |words: Vec<&str>| words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
    let operator = prop::sample::select(&["in", "in~", ":", "like", "like~", "not in", "regex"][..]);
    let leaf = prop_oneof![
        6 => (field(), operator, words()).prop_map(move |(f, op, w)| format!("{f} {op} ({})", list(w))),
        1 => (field(), words()).prop_map(|(f, w)| format!("{f} : (\"*{}*\", \"{}?\", \"??\")", w[0], w[0])),
        1 => (field(), words()).prop_map(|(f, w)| format!("{f} : (\"*{}\", \"{}*\", \"u*d\")", w[0], w[0])),
        1 => (field(), words()).prop_map(|(f, w)| format!("{f} == \"{}\"", w[0])),
        1 => field().prop_map(|f| format!("{f} == null")),
        1 => field().prop_map(|f| format!("length({f}) > 4")),
        1 => (field(), field()).prop_map(|(f, g)| format!("concat({f}, {g}) == \"useruser\"")),
        1 => any::<bool>().prop_map(|truth| truth.to_string()),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 1..4).prop_map(|all| format!("({})", all.join(" and "))),
            2 => prop::collection::vec(inner.clone(), 1..4).prop_map(|any| format!("({})", any.join(" or "))),
            1 => inner.prop_map(|one| format!("not ({one})")),
        ]
    })
}

fn event() -> impl Strategy<Value = Event> {
    let values = prop::collection::vec(prop::sample::select(&WORDS[..]), 0..4);
    prop::collection::vec(values, FIELDS.len()).prop_map(|values| {
        FIELDS.iter().zip(values).fold(Event::default(), |event, (field, texts)| event.with(*field, &texts))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whether much is remembered or next to nothing, and of events with kinds and numbers and without.
    #[test]
    fn the_index_says_what_each_condition_says(
        conditions in prop::collection::vec((prop::sample::select(&["any", "process"][..]), condition()), 1..70),
        events in prop::collection::vec((event(), any::<bool>(), any::<bool>()), 1..40),
        most in prop::sample::select(&[1, 3, OUTCOMES][..]),
    ) {
        let queries: Vec<String> = conditions.into_iter().map(|(category, c)| format!("{category} where {c}")).collect();
        let programs = programs(&queries);
        let mut index = index_of(&programs, most);
        let events: Vec<Event> = events
            .into_iter()
            .map(|(event, kind, numbered)| if kind { event.of_its_kind(numbered) } else { event })
            .collect();
        for event in events.iter().chain(&events) {
            ask(&mut index, &programs, event);
        }
    }
}
