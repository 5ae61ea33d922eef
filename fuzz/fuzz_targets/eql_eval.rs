//! A query and documents, both from the fuzzer: the compiled form finds what the plain walk of the syntax tree
//! and the plain rules of sequences find, and what a stage is said to need is there whenever it matches.
//!
//! The input is text: the query, a line `---`, and documents of JSON, one a line (tests/eql has more of both).
#![no_main]

use std::collections::BTreeSet;
use std::sync::Arc;

use auditward::diagnostic::Source;
use auditward::eql::ast::{Expr, ExprKind, Literal, Query};
use auditward::eql::explain::explain;
use auditward::eql::finite::{Bounds, answer};
use auditward::eql::{JoinKey, KeyValue, Options, Place, Program, Requirement, parse};
use auditward::event::document::Order;
use auditward::event::mapping::Mapping;
use auditward::event::ndjson::{Fields, Survey};
use auditward::event::{Document, FieldId, Held, Schema, Value};
use bumpalo::Bump;
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value as Json};

#[path = "../../tests/eql_support/reference.rs"]
mod reference;

/// More of either only makes the plain way slow.
const MOST_BYTES: usize = 2_000;
const MOST_DOCUMENTS: usize = 6;

fuzz_target!(|text: &str| {
    let Some((query, documents)) = text.split_once("\n---\n") else { return };
    if query.len() > MOST_BYTES || documents.len() > MOST_BYTES {
        return;
    }
    let documents: Vec<Map<String, Json>> =
        documents.lines().filter_map(|line| serde_json::from_str(line).ok()).take(MOST_DOCUMENTS).collect();
    let mut survey = Survey::default();
    documents.iter().for_each(|document| survey.add(document));
    let fields = survey.fields(&Mapping::default(), "@timestamp");
    let source = Arc::new(Source { name: "<query>".into(), text: query.to_owned() });
    let Ok(program) = Program::compile(&source, &fields) else { return };
    let arena = Bump::new();
    let events = read(&documents, &fields, &arena);
    for event in &events {
        let walked = explain(&source, &fields, &Options::default(), event).expect("it compiles");
        assert_eq!(program.matches(event), walked.iter().any(|stage| stage.truth), "{text}");
        for (stage, needs) in walked.iter().zip(program.requirements()).filter(|(stage, _)| stage.truth) {
            let needs = needs.unwrap_or_else(|| panic!("a stage that matches nothing: {stage:?}"));
            assert!(needs.iter().all(|need| is_met(need, event)), "{needs:?}\n{text}");
        }
    }
    if plain_pipes(&parse(&source).expect("it compiles")) {
        same_hits(&program, &source, &fields, &events, text);
    }
});

fn read<'a>(documents: &[Map<String, Json>], fields: &Fields, arena: &'a Bump) -> Vec<Held<'a>> {
    let every: Vec<FieldId> =
        (0..u16::MAX).map(FieldId).take_while(|id| !fields.name(*id).is_empty()).collect();
    let time = fields.resolve("@timestamp").map(|(id, _)| id);
    let place = |(position, document): (u64, &Map<String, Json>)| {
        let mut held = fields.read(document, &every, arena);
        let millis = match time.map(|time| held.values(time)).as_ref().and_then(|v| v.as_slice().first()) {
            Some(Value::Date(millis)) => *millis,
            _ => 0,
        };
        held.set_order(Order { millis, tiebreaker: position });
        held
    };
    (0..).zip(documents).map(place).collect()
}

fn is_met(need: &Requirement, event: &Held<'_>) -> bool {
    let values = event.values(need.field);
    let taken = |text: &[u8]| need.any_of.iter().any(|literal| literal.takes(text));
    let sound = need.any_of.iter().all(|literal| literal.place != Place::Inside || !literal.bytes.is_empty());
    sound && values.as_slice().iter().any(|value| matches!(value, Value::Text(text) if taken(text)))
}

/// The reference reads plain numbers only.
fn plain_pipes(query: &Query) -> bool {
    let plain = |count: &Expr| matches!(count.kind, ExprKind::Literal(Literal::Long(_)));
    query.pipes.iter().all(|pipe| plain(&pipe.count))
}

fn same_hits(program: &Program, source: &Arc<Source>, fields: &Fields, events: &[Held<'_>], text: &str) {
    let found = answer(program, events, Bounds::default());
    let expected = reference::answer(source, fields, &Options::default(), events, None);
    let mut found: Vec<_> = found.iter().map(|hit| (hit.events.clone(), values(&hit.key))).collect();
    let mut expected: Vec<_> = expected.into_iter().map(|hit| (hit.events, hit.keys)).collect();
    if source.text.trim_start().starts_with("sample") {
        let keys = |hits: &[(Vec<Option<usize>>, reference::Keys)]| {
            hits.iter().map(|hit| hit.1.clone()).collect::<BTreeSet<_>>()
        };
        return assert_eq!(keys(&found), keys(&expected), "{text}");
    }
    // Those that end in the same event stand in no order; a pipe may cut among them.
    let cut = source.text.contains('|');
    if !cut || found.len() != expected.len() {
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{text}");
    }
}

fn values(key: &JoinKey) -> reference::Keys {
    let mut values = Vec::new();
    key.for_each(|value| {
        values.push(match value {
            KeyValue::Null => None,
            KeyValue::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
            KeyValue::Long(number) | KeyValue::Date(number) => Some(number.to_string()),
            KeyValue::Double(number) => Some(number.to_string()),
            KeyValue::Bool(truth) => Some(truth.to_string()),
            KeyValue::Ip(address) => Some(address.to_string()),
        });
    });
    values
}
