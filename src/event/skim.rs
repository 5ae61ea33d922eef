//! The fields of a JSON document that rules ask for, out of its text: the rest is checked to be JSON and passed over,
//! and texts are borrowed where they stand.
//!
//! As in [`super::ndjson`], names with dots and objects within objects are one, a list is many values, and values
//! under both spellings add up.

use bumpalo::Bump;
use bumpalo::collections::Vec as ArenaVec;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;

use super::document::{Order, Value};
use super::kind::Act;
use super::live_document::answer_as_live;
use super::ndjson::read_value;
use super::schema::{FieldId, FieldType, Live, ROWS, Schema, field};
use super::wrapped::{Broken, WRAPPINGS};
use super::{Held, date};

/// The longest keyword that Elasticsearch indexes in the sources' indices (`ignore_above`), in characters: a longer
/// one matches nothing there.
const IGNORE_ABOVE: usize = 1024;

/// What is asked of every document, beside what rules ask: who it is from, and when. In the order of [`NAMES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    Timestamp,
    HostId,
    HostName,
    StreamDataset,
    StreamType,
    StreamNamespace,
    Dataset,
    Module,
    Kind,
    EventId,
    Sequence,
    AlertUuid,
    Agent,
    MetadataBeat,
    Beat,
}

const NAMES: [(&str, About); 15] = [
    ("@timestamp", About::Timestamp),
    ("host.id", About::HostId),
    ("host.name", About::HostName),
    ("data_stream.dataset", About::StreamDataset),
    ("data_stream.type", About::StreamType),
    ("data_stream.namespace", About::StreamNamespace),
    ("event.dataset", About::Dataset),
    ("event.module", About::Module),
    ("event.kind", About::Kind),
    ("event.id", About::EventId),
    ("event.sequence", About::Sequence),
    ("kibana.alert.uuid", About::AlertUuid),
    ("agent.type", About::Agent),
    ("@metadata.beat", About::MetadataBeat),
    ("beat.type", About::Beat),
];

/// Which fields are read, by the parts of their names.
#[derive(Debug, Default)]
pub struct Skim {
    root: Node,
}

#[derive(Debug, Default)]
struct Node {
    /// In order of the names.
    children: Vec<(Box<str>, Node)>,
    field: Option<(FieldId, FieldType)>,
    about: Option<About>,
}

impl Node {
    fn child(&self, name: &str) -> Option<&Node> {
        let at = self.children.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?;
        self.children.get(at).map(|(_, node)| node)
    }

    /// The node of a name that may have dots.
    fn below(&self, name: &str) -> Option<&Node> {
        match name.split_once('.') {
            None => self.child(name),
            Some((first, rest)) => self.child(first)?.below(rest),
        }
    }

    fn make(&mut self, name: &str) -> &mut Node {
        let (first, rest) = name.split_once('.').map_or((name, None), |(first, rest)| (first, Some(rest)));
        let at = match self.children.binary_search_by(|(known, _)| (**known).cmp(first)) {
            Ok(at) => at,
            Err(at) => {
                self.children.insert(at, (first.into(), Node::default()));
                at
            }
        };
        let child = &mut self.children[at].1;
        match rest {
            Some(rest) => child.make(rest),
            None => child,
        }
    }
}

impl Skim {
    /// What reads `wanted` fields of the schema of events.
    #[must_use]
    pub fn of(wanted: impl IntoIterator<Item = FieldId>) -> Self {
        let mut root = Node::default();
        for (name, about) in NAMES {
            root.make(name).about = Some(about);
        }
        // Of our own documents the action is known by its type, too, and others' data sets by the category.
        let asked_ourselves = [field::EVENT_ACTION, field::EVENT_TYPE, field::EVENT_CATEGORY];
        for id in wanted.into_iter().chain(asked_ourselves) {
            if let Some(row) = ROWS.get(usize::from(id.0))
                && let Some(resolved) = Live.resolve(row.name)
            {
                root.make(row.name).field = Some(resolved);
            }
        }
        Self { root }
    }

    /// Reads a document.
    ///
    /// # Errors
    /// It is not JSON, or nested too deep.
    pub fn read<'a>(&self, text: &'a str, arena: &'a Bump) -> Result<Skimmed<'a>, Broken> {
        let values = ArenaVec::with_capacity_in(32, arena);
        let mut found = Skimmed {
            text,
            arena,
            values,
            about: [None; NAMES.len()],
            is_wrapping: false,
            has_endgame: false,
            has_agent: false,
        };
        let mut json = serde_json::Deserializer::from_str(text);
        let top = At { node: Some(&self.root), top: true, found: &mut found };
        top.deserialize(&mut json).and_then(|()| json.end()).map_err(|_| Broken::NotJson)?;
        Ok(found)
    }
}

/// What was read of a document.
#[derive(Debug)]
pub struct Skimmed<'a> {
    /// Its text.
    pub text: &'a str,
    arena: &'a Bump,
    values: ArenaVec<'a, (FieldId, FieldType, Value<'a>)>,
    about: [Option<&'a str>; NAMES.len()],
    /// It has keys that a wrapping has, or is none.
    pub is_wrapping: bool,
    has_endgame: bool,
    has_agent: bool,
}

impl<'a> Skimmed<'a> {
    fn about(&self, what: About) -> Option<&'a str> {
        self.about.get(what as usize).copied().flatten()
    }

    /// Its time, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn millis(&self) -> Option<i64> {
        date::parse(self.about(About::Timestamp)?).map(|(millis, _)| millis)
    }

    /// `host.id`, else `host.name`.
    #[must_use]
    pub fn host(&self) -> &'a str {
        self.about(About::HostId).or_else(|| self.about(About::HostName)).unwrap_or_default()
    }

    /// The kernel's serial, of our own documents.
    #[must_use]
    pub fn serial(&self) -> Option<u64> {
        self.about(About::Sequence).filter(|_| self.is_own())?.parse().ok()
    }

    /// Whether this program wrote it: its module says so, or it has no collector and an id that ends with the
    /// kernel's serial, as `auditward events` gives it.
    #[must_use]
    pub fn is_own(&self) -> bool {
        match self.about(About::Module) {
            Some("auditward") => true,
            Some("auditd") if !self.has_agent => {
                let ids = self.about(About::EventId).zip(self.about(About::Sequence));
                ids.is_some_and(|(id, serial)| {
                    id.contains('/') && id.strip_suffix(serial).is_some_and(|id| id.ends_with(':'))
                })
            }
            _ => false,
        }
    }

    /// The index that it belongs to: as it is `told` (of a data stream's backing index the stream), else by
    /// `data_stream`, dataset, module and agent. None for our own events, which count as live ones.
    #[must_use]
    pub fn index(&self, told: Option<&str>) -> Option<String> {
        let is_alert = matches!(self.about(About::Kind), Some("signal" | "alert"))
            || self.about(About::AlertUuid).is_some();
        if self.is_own() && !is_alert {
            return None;
        }
        if let Some(told) = told {
            let Some(backing) = told.strip_prefix(".ds-") else { return Some(told.to_owned()) };
            // .ds-STREAM-DATE-GENERATION
            return Some(backing.rsplitn(3, '-').nth(2).unwrap_or(backing).to_owned());
        }
        let stream = self.about(About::StreamDataset);
        let dataset = stream.or_else(|| self.about(About::Dataset));
        if is_alert {
            return Some(format!(".alerts-{}", dataset.unwrap_or_default()));
        }
        if let Some(dataset) = stream {
            let kind = self.about(About::StreamType).unwrap_or("logs");
            let namespace = self.about(About::StreamNamespace).unwrap_or("default");
            return Some(format!("{kind}-{dataset}-{namespace}"));
        }
        if self.about(About::Module) == Some("endgame") || self.has_endgame {
            return Some("endgame-".to_owned());
        }
        let beat =
            [About::Agent, About::MetadataBeat, About::Beat].into_iter().find_map(|what| self.about(what));
        if beat == Some("auditbeat") {
            return Some("auditbeat-".to_owned());
        }
        Some(dataset.map_or_else(String::new, |dataset| format!("logs-{dataset}-default")))
    }

    /// The document as rules see it. Ours answers as a live event does, another's as its index has it. It stands in
    /// time where it says (at the epoch where it does not), and there behind those of a smaller `position`.
    #[must_use]
    pub fn held(&self, position: u64) -> Held<'a> {
        let own = self.is_own();
        let mut values: Vec<(FieldId, ArenaVec<'a, Value<'a>>)> = Vec::new();
        for (id, kind, value) in &self.values {
            if !own && *kind == FieldType::Keyword && is_ignored(value) {
                continue;
            }
            let at = values.iter().position(|(known, _)| known == id).unwrap_or_else(|| {
                values.push((*id, ArenaVec::new_in(self.arena)));
                values.len() - 1
            });
            let Some((_, list)) = values.get_mut(at) else { continue };
            match (own && *id == field::EVENT_ACTION).then(|| self.words(value)).flatten() {
                Some(words) => list.extend_from_slice(words),
                None => list.push(*value),
            }
        }
        if own {
            answer_as_live(&mut values);
        }
        let values = values.into_iter().map(|(id, list)| (id, list.into_bump_slice() as &[_])).collect();
        Held::new(values, Order { millis: self.millis().unwrap_or(0), tiebreaker: position })
    }

    /// The values of a field as they are written.
    #[must_use]
    pub fn text_at(&self, field: FieldId) -> Vec<Value<'a>> {
        self.values.iter().filter(|(id, ..)| *id == field).map(|(.., value)| *value).collect()
    }

    /// All producers' words for an action.
    fn words(&self, action: &Value<'_>) -> Option<&'static [Value<'static>]> {
        let Value::Text(action) = action else { return None };
        let is_of_type = |wanted: &[u8]| {
            self.values.iter().any(|(id, _, value)| *id == field::EVENT_TYPE && *value == Value::Text(wanted))
        };
        Act::words(std::str::from_utf8(action).ok()?, is_of_type)
    }

    fn put(&mut self, node: &Node, value: Scalar<'a>) {
        if let Some(about) = node.about
            && let Some(slot) = self.about.get_mut(about as usize).filter(|slot| slot.is_none())
        {
            *slot = match &value {
                Scalar::Text(text) => Some(text),
                Scalar::Other(Json::Number(number)) => Some(self.arena.alloc_str(&number.to_string())),
                Scalar::Other(_) => None,
            };
        }
        let Some((id, kind)) = node.field else { return };
        let read = match (kind, value) {
            (
                FieldType::Keyword
                | FieldType::Wildcard
                | FieldType::ConstantKeyword
                | FieldType::Text
                | FieldType::Version,
                Scalar::Text(text),
            ) => Some(Value::Text(text.as_bytes())),
            (kind, Scalar::Text(text)) => read_value(kind, &Json::from(text), None, self.arena),
            (kind, Scalar::Other(json)) => read_value(kind, &json, None, self.arena),
        };
        if let Some(read) = read {
            self.values.push((id, kind, read));
        }
    }
}

fn is_ignored(value: &Value<'_>) -> bool {
    match value {
        Value::Text(text) => {
            text.len() > IGNORE_ABOVE && String::from_utf8_lossy(text).chars().count() > IGNORE_ABOVE
        }
        _ => false,
    }
}

enum Scalar<'a> {
    Text(&'a str),
    Other(Json),
}

/// A value that is being read; without a node nothing of it is wanted.
struct At<'v, 'a> {
    node: Option<&'v Node>,
    top: bool,
    found: &'v mut Skimmed<'a>,
}

impl At<'_, '_> {
    /// The node, if it is one of a value.
    fn leaf(&self) -> Option<&Node> {
        self.node.filter(|node| node.field.is_some() || node.about.is_some())
    }
}

impl<'a> DeserializeSeed<'a> for At<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for At<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_borrowed_str<E>(self, text: &'a str) -> Result<(), E> {
        if let Some(node) = self.node {
            self.found.put(node, Scalar::Text(text));
        }
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        if self.leaf().is_some() {
            let text = self.found.arena.alloc_str(text);
            if let Some(node) = self.node {
                self.found.put(node, Scalar::Text(text));
            }
        }
        Ok(())
    }

    fn visit_bool<E>(self, truth: bool) -> Result<(), E> {
        self.other(truth);
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.other(number);
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.other(number);
        Ok(())
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.other(number);
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'a>>(self, mut list: S) -> Result<(), S::Error> {
        self.found.is_wrapping |= self.top;
        while list.next_element_seed(At { node: self.node, top: false, found: self.found })?.is_some() {}
        Ok(())
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        let Self { node, top, found } = self;
        while let Some(child) = map.next_key_seed(Key { node, top, found })? {
            map.next_value_seed(At { node: child, top: false, found })?;
        }
        Ok(())
    }
}

impl At<'_, '_> {
    fn other(self, value: impl Into<Json>) {
        if let Some(node) = self.node.filter(|node| node.field.is_some() || node.about.is_some()) {
            self.found.put(node, Scalar::Other(value.into()));
        }
    }
}

/// A name in an object; gives the node of its value.
struct Key<'v, 'f, 'a> {
    node: Option<&'v Node>,
    top: bool,
    found: &'f mut Skimmed<'a>,
}

impl<'a, 'v> DeserializeSeed<'a> for Key<'v, '_, '_> {
    type Value = Option<&'v Node>;

    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<Self::Value, D::Error> {
        match self.node {
            Some(_) => json.deserialize_str(self),
            None => json.deserialize_ignored_any(IgnoredAny).map(|_| None),
        }
    }
}

impl<'v> Visitor<'_> for Key<'v, '_, '_> {
    type Value = Option<&'v Node>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        if self.top {
            self.found.is_wrapping |= WRAPPINGS.contains(&name);
            self.found.has_endgame |= name == "endgame";
            self.found.has_agent |= name == "agent";
        }
        Ok(self.node.and_then(|node| node.below(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Document, Values};

    fn index(text: &str, told: Option<&str>) -> Option<String> {
        Skim::of([]).read(text, &Bump::new()).unwrap().index(told)
    }

    #[test]
    fn the_index_of_a_document() {
        let stream = Some(".ds-logs-auditd_manager.auditd-default-2026.09.01-000004");
        assert_eq!(index("{}", stream).as_deref(), Some("logs-auditd_manager.auditd-default"));
        assert_eq!(index(r#"{"event.module":"auditward"}"#, stream), None);
        let alert =
            index(r#"{"event":{"module":"auditward","kind":"alert","dataset":"auditward.alert"}}"#, None);
        assert_eq!(alert.as_deref(), Some(".alerts-auditward.alert"), "it holds its events again");
        assert_eq!(index(r#"{"agent":{"type":"auditbeat"}}"#, None).as_deref(), Some("auditbeat-"));
        let named = index(r#"{"data_stream":{"dataset":"d","namespace":["n"]}}"#, None);
        assert_eq!(named.as_deref(), Some("logs-d-n"));
        assert_eq!(index(r#"{"event":{"module":"auditd","sequence":7,"id":"h/1.002:7"}}"#, None), None);
        let of_another = index(r#"{"event":{"module":"auditd","sequence":7,"id":"7"}}"#, None);
        assert_eq!(of_another.as_deref(), Some(""));
    }

    #[test]
    fn spellings_add_up_and_what_is_not_wanted_is_passed_over() {
        let skim = Skim::of([field::PROCESS_ARGS, field::PROCESS_PID, field::PROCESS_NAME]);
        let arena = Bump::new();
        let text = r#"{"@timestamp":"2026-11-25T10:00:00.5Z","process":{"args":["a\n",null,0,[true]],"parent.args":"x","pid":"7"},
                       "process.args":"b","unheard":{"of":[1e3,{}]},"host.name":["h"],"process.name":{"text":"n"}}"#;
        let skimmed = skim.read(text, &arena).unwrap();
        assert!(!skimmed.is_wrapping);
        assert_eq!((skimmed.host(), skimmed.millis()), ("h", Some(1_795_600_800_500)));
        let held = skimmed.held(3);
        let texts = ["a\n", "0", "true", "b"].map(|text| Value::Text(text.as_bytes()));
        assert_eq!(held.values(field::PROCESS_ARGS), Values::Many(&texts));
        assert_eq!(held.values(field::PROCESS_PID), Values::One(Value::Long(7)));
        assert_eq!(held.values(field::PROCESS_NAME), Values::None);
        assert_eq!(held.order(), Order { millis: 1_795_600_800_500, tiebreaker: 3 });
    }

    #[test]
    fn our_own_action_answers_to_every_producers_word_and_anothers_to_its_own() {
        let (skim, arena) = (Skim::of([]), Bump::new());
        let actions = |module: &str| {
            let text = format!(r#"{{"event":{{"module":"{module}","action":"executed","type":["start"]}}}}"#);
            let held = skim.read(arena.alloc_str(&text), &arena).unwrap().held(0);
            let found = held.values(field::EVENT_ACTION).as_slice().contains(&Value::Text(b"exec"));
            (held.values(field::EVENT_ACTION).as_slice().len(), found)
        };
        assert!(actions("auditward").1);
        assert_eq!(actions("auditd"), (1, false));
    }

    #[test]
    fn our_own_answers_to_the_names_of_other_collectors_and_anothers_to_its_own() {
        let wanted = [field::EVENT_MODULE, field::EVENT_DATASET, field::DATA_STREAM_DATASET];
        let (skim, arena) = (Skim::of(wanted), Bump::new());
        let answers = |module: &str| {
            let text = format!(
                r#"{{"event":{{"module":"{module}","category":["file"],"dataset":"{module}.event"}},"data_stream.dataset":"{module}.event"}}"#
            );
            let held = skim.read(arena.alloc_str(&text), &arena).unwrap().held(0);
            wanted.map(|field| {
                let texts = held.values(field);
                let texts = texts.as_slice().iter().map(|value| match value {
                    Value::Text(text) => String::from_utf8_lossy(text).into_owned(),
                    _ => String::new(),
                });
                texts.collect::<Vec<_>>().join(" ")
            })
        };
        let sets = "auditd_manager.auditd endpoint.events.file";
        assert_eq!(answers("auditward"), ["auditd auditward endpoint", sets, sets]);
        assert_eq!(answers("other"), ["other", "other.event", "other.event"]);
    }

    #[test]
    fn what_is_longer_than_an_index_takes_matches_nothing_but_in_our_own() {
        let (skim, arena) = (Skim::of([field::PROCESS_ARGS]), Bump::new());
        let args = |module: &str, length: usize| {
            let long = "ä".repeat(length);
            let text = format!(r#"{{"event.module":"{module}","process.args":["-u","{long}"]}}"#);
            skim.read(arena.alloc_str(&text), &arena)
                .unwrap()
                .held(0)
                .values(field::PROCESS_ARGS)
                .as_slice()
                .len()
        };
        assert_eq!([args("auditd", 1024), args("auditd", 1025), args("auditward", 1025)], [2, 1, 2]);
    }

    #[test]
    fn broken_in_what_is_not_wanted_is_broken() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
        for text in ["{\"a\":1e400}", "{\"a\":tru}", "{\"a\":\"\\x\"}", "{\"a\":1}}", "{\"a\"}", &deep] {
            assert_eq!(Skim::of([]).read(text, &Bump::new()).err(), Some(Broken::NotJson), "{text:.20}");
        }
        for wrapping in ["[]", "{\"hits\":{}}", "{\"_source\":{}}"] {
            assert!(Skim::of([]).read(wrapping, &Bump::new()).unwrap().is_wrapping, "{wrapping}");
        }
    }
}
