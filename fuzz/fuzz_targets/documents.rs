//! Any text as documents, one a line or over several: each that is whole answers as reading it whole does, fast and slow;
//! wrapped as an answer, a bulk request, a list or a message of Kafka, the same documents come out; and behind all that a
//! document that is sound comes out.
#![no_main]

use std::sync::LazyLock;

use auditward::daemon::recorded::{Documents, Read, Reader};
use auditward::event::document::Values;
use auditward::event::mapping::{Mapped, Mapping};
use auditward::event::ndjson::{Fields, Survey};
use auditward::event::schema::{FieldType, Live, ROWS};
use auditward::event::skim::Skim;
use auditward::event::wrapped::WRAPPINGS;
use auditward::event::{Document, FieldId, Held, Schema, Value, live_document};
use bumpalo::Bump;
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value as Json, json};

/// The fields that are asked: of every type, of what is read beside, and lists.
const NAMES: [&str; 18] = [
    "@timestamp",
    "event.action",
    "event.type",
    "event.category",
    "event.module",
    "event.dataset",
    "data_stream.dataset",
    "event.sequence",
    "host.id",
    "process.args",
    "process.name",
    "process.pid",
    "process.parent.name",
    "process.parent.args",
    "process.start",
    "user.id",
    "source.ip",
    "agent.type",
];

struct Asked {
    ids: Vec<FieldId>,
    skim: Skim,
    /// The same fields read the slow way, as they stand.
    fields: Fields,
}

static ASKED: LazyLock<Asked> = LazyLock::new(|| {
    let (mut ids, mut mapping) = (Vec::new(), Mapping::default());
    for (id, kind) in NAMES.iter().filter_map(|name| Live.resolve(name)) {
        let name = ROWS[usize::from(id.0)].name.to_owned();
        ids.push(id);
        let mapped =
            Mapped { kind: Ok(kind), format: None, null_value: None, constant: None, path: name.clone() };
        mapping.fields.insert(name, mapped);
    }
    assert!(ids.len() > 12, "they are in the schema");
    let skim = Skim::of(ids.iter().copied());
    Asked { skim, fields: Survey::default().fields(&mapping, ""), ids }
});

const LAST: &str = r#"{"event":{"id":"sound"},"process.args":["a","b"]}"#;

fuzz_target!(|text: &str| {
    let asked = &*ASKED;
    let mut whole: Vec<Map<String, Json>> = Vec::new();
    for line in text.lines() {
        let Ok(document) = serde_json::from_str::<Map<String, Json>>(line) else {
            let arena = Bump::new();
            let skimmed = asked.skim.read(line, &arena);
            assert!(skimmed.is_err() || serde_json::from_str::<Json>(line).is_ok(), "{line}");
            continue;
        };
        // Of a name that is there twice the slow way knows the last only.
        let once = serde_json::to_string(&document).expect("it was read");
        answers_alike(asked, &once, &document);
        // Numbers of many digits are read again as their neighbours.
        if serde_json::from_str(&once).is_ok_and(|again: Map<String, Json>| again == document) {
            whole.push(document);
        }
    }
    let plain = |document: &&Map<String, Json>| !WRAPPINGS.iter().any(|name| document.contains_key(*name));
    let plain: Vec<_> = whole.iter().filter(plain).cloned().collect();
    wrapped(&plain);
    sound_comes_out(text);
});

fn answers_alike(asked: &Asked, text: &str, document: &Map<String, Json>) {
    let arena = Bump::new();
    let skimmed = asked.skim.read(text, &arena).unwrap_or_else(|why| panic!("{why}: {text}"));
    let fast = skimmed.held(3);
    if skimmed.is_own() {
        let slow = live_document::read(document, &asked.ids, 3, &arena);
        for id in &asked.ids {
            assert_eq!(
                values(&fast, *id),
                values(&slow, *id),
                "{} of our own {text}",
                ROWS[usize::from(id.0)].name
            );
        }
        return;
    }
    let every: Vec<(FieldId, FieldId, FieldType)> = asked
        .ids
        .iter()
        .filter_map(|id| {
            let name = ROWS[usize::from(id.0)].name;
            asked.fields.resolve(name).map(|(slow, kind)| (*id, slow, kind))
        })
        .collect();
    let wanted: Vec<FieldId> = every.iter().map(|(_, slow, _)| *slow).collect();
    let slow = asked.fields.read(document, &wanted, &arena);
    for (id, of_slow, kind) in every {
        let mut expected = values(&slow, of_slow);
        if kind == FieldType::Keyword {
            // What Elasticsearch's indices do not index.
            expected.retain(|value| !matches!(value, Value::Text(text) if String::from_utf8_lossy(text).chars().count() > 1024));
        }
        assert_eq!(values(&fast, id), expected, "{} of {text}", ROWS[usize::from(id.0)].name);
    }
}

fn values<'a>(held: &'a Held<'_>, id: FieldId) -> Vec<Value<'a>> {
    let values: Values<'a> = held.values(id);
    values.as_slice().to_vec()
}

/// What comes out of a text, read as a replay does.
fn read(text: &str) -> Vec<Json> {
    let (mut documents, mut found) = (Documents::default(), Vec::new());
    for line in text.lines() {
        documents.line(line.as_bytes(), &mut |text, action| {
            Read::texts(text, action, &mut |text| {
                found.push(serde_json::from_str(text).expect("it was found"))
            })
        });
    }
    documents.end();
    found
}

fn wrapped(documents: &[Map<String, Json>]) {
    if documents.is_empty() {
        return;
    }
    let all: Vec<Json> = documents.iter().cloned().map(Json::Object).collect();
    let hits: Vec<Json> =
        all.iter().map(|one| json!({ "_index": "i", "_id": "1", "_source": one })).collect();
    let bulk: String = all.iter().map(|one| format!("{{\"index\":{{\"_index\":\"i\"}}}}\n{one}\n")).collect();
    let kafka: String = all
        .iter()
        .map(|one| {
            json!({ "topic": "t", "partition": 0, "offset": 1, "payload": one.to_string() }).to_string()
                + "\n"
        })
        .collect();
    for text in [
        Json::from(all.clone()).to_string(),
        json!({ "took": 1, "hits": { "total": 1, "hits": hits } }).to_string(),
        serde_json::to_string_pretty(&json!({ "hits": { "events": hits } })).expect("JSON"),
        kafka,
    ] {
        assert_eq!(read(&text), all, "{text}");
    }
    // An update's document would stand one deeper.
    if documents.iter().all(|document| !document.contains_key("doc")) {
        assert_eq!(read(&bulk), all, "{bulk}");
    }
}

/// A value that was begun may take a line or two with it, and no more.
fn sound_comes_out(text: &str) {
    let (mut documents, mut reader) = (Documents::default(), Reader::new(ASKED.ids.iter().copied(), true));
    let mut found = 0;
    let good = [LAST; 4];
    for line in text.lines().chain(good) {
        documents.line(line.as_bytes(), &mut |text, action| {
            reader.read(text, action, &mut |document| {
                let held = document.recorded(1);
                let args = Live.resolve("process.args").map(|(id, _)| id).expect("a field");
                found += usize::from(held.values(args).as_slice() == [Value::Text(b"a"), Value::Text(b"b")]);
            })
        });
    }
    documents.end();
    assert!(found > 0, "{text:?}");
}
