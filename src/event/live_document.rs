//! A JSON document, read as a live event would have answered: the same fields, and `event.action` with all
//! producers' words for the act.

use bumpalo::Bump;
use bumpalo::collections::Vec as ArenaVec;
use serde_json::{Map, Value as Json};

use super::document::{Order, Value};
use super::from_audit::{MODULES, datasets_of};
use super::kind::Act;
use super::ndjson::{read_value, walk};
use super::schema::{FieldId, Live, Schema, field};
use super::{Held, date};

/// The `wanted` fields of `document`, nested or dotted. It stands in time where its `@timestamp` says (at
/// the epoch without one), and there behind those of a smaller `position`.
#[must_use]
pub fn read<'a>(
    document: &Map<String, Json>,
    wanted: &[FieldId],
    position: u64,
    arena: &'a Bump,
) -> Held<'a> {
    let is_of_type = |wanted: &[u8]| {
        let mut found = false;
        walk(document, &mut String::new(), &mut |path, value| {
            found |= path == "event.type" && value.as_str().is_some_and(|kind| kind.as_bytes() == wanted);
        });
        found
    };
    let mut values: Vec<(FieldId, ArenaVec<'a, Value<'a>>)> = Vec::new();
    walk(document, &mut String::new(), &mut |path, value| {
        let Some((id, kind)) = Live.resolve(path).filter(|(id, _)| wanted.contains(id)) else {
            return;
        };
        let Some(read) = read_value(kind, value, None, arena) else { return };
        let at = values.iter().position(|(known, _)| *known == id).unwrap_or_else(|| {
            values.push((id, ArenaVec::new_in(arena)));
            values.len() - 1
        });
        let Some((_, list)) = values.get_mut(at) else { return };
        match value
            .as_str()
            .filter(|_| id == field::EVENT_ACTION)
            .and_then(|action| Act::words(action, is_of_type))
        {
            Some(words) => list.extend_from_slice(words),
            None => list.push(read),
        }
    });
    answer_as_live(&mut values);
    let stamp = document.get("@timestamp").and_then(Json::as_str).and_then(date::iso);
    let order = Order { millis: stamp.map_or(0, |(millis, _)| millis), tiebreaker: position };
    Held::new(values.into_iter().map(|(id, list)| (id, list.into_bump_slice() as &[_])).collect(), order)
}

/// What our documents have in the fields that say who collected an event.
const OURS: [Value<'static>; 2] = [Value::Text(b"auditward"), Value::Text(b"auditward.event")];

/// The fields that say who collected an event answer to every producer's name in matching, as those of a live event
/// do; in a document stands ours.
pub(super) fn answer_as_live<'a>(values: &mut [(FieldId, ArenaVec<'a, Value<'a>>)]) {
    let categories = values.iter().find(|(id, _)| *id == field::EVENT_CATEGORY);
    let categories = categories.map_or_else(Vec::new, |(_, list)| list.to_vec());
    for (id, list) in values {
        if !matches!(*id, field::EVENT_MODULE | field::EVENT_DATASET | field::DATA_STREAM_DATASET)
            || !list.iter().any(|value| OURS.contains(value))
        {
            continue;
        }
        list.clear();
        if *id == field::EVENT_MODULE {
            list.extend_from_slice(&MODULES);
        } else {
            list.extend(datasets_of(&categories));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Document, Values};

    #[test]
    fn an_action_answers_to_every_producers_word() {
        let text = r#"{"@timestamp":"2026-11-25T10:00:00.5Z","event":{"action":"executed"},
                       "process.args":["a","b"],"process":{"pid":7},"unheard":{"of":1}}"#;
        let document: Map<String, Json> = serde_json::from_str(text).expect("JSON");
        let arena = Bump::new();
        let wanted = [field::EVENT_ACTION, field::PROCESS_ARGS, field::PROCESS_PID];
        let held = read(&document, &wanted, 3, &arena);
        assert!(held.values(field::EVENT_ACTION).as_slice().contains(&Value::Text(b"exec")));
        assert_eq!(held.values(field::PROCESS_ARGS).as_slice().len(), 2);
        assert_eq!(held.values(field::PROCESS_PID), Values::One(Value::Long(7)));
        assert_eq!(held.order(), Order { millis: 1_795_600_800_500, tiebreaker: 3 });
        assert_eq!(held.values(field::EVENT_CATEGORY), Values::None);
    }
}
