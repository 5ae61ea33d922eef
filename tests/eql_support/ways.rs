//! The ways in which a query is evaluated: compiled, by walking the tree, and by the command line.

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use auditward::daemon::trial;
use auditward::diagnostic::{Diagnostic, Source};
use auditward::eql::finite::{self, Bounds};
use auditward::eql::{Options, Program};
use auditward::event::document::Order;
use auditward::event::mapping::Mapping;
use auditward::event::ndjson::{Fields, Survey};
use auditward::event::schema::{Live, field};
use auditward::event::{Document, FieldId, Held, Schema, Value};
use bumpalo::Bump;
use serde_json::Value as Json;

use super::reference::{self, Keys};
use super::{Case, Events, key_values};

/// Ids of the events of a hit (-1: missing), and the values of its join key.
pub(crate) type Hit = (Vec<i64>, Json);

/// The schema of some events.
pub(crate) enum Known {
    Live,
    Documents(Box<Fields>),
}

impl Known {
    pub(crate) fn of(events: &Events, timestamp: &str) -> Self {
        if events.records {
            return Known::Live;
        }
        let mut survey = Survey::default();
        objects(&events.text).iter().for_each(|document| survey.add(document));
        let mapping = match events.mapping.as_str() {
            "" => Mapping::default(),
            text => Mapping::parse(text).unwrap(),
        };
        Known::Documents(Box::new(survey.fields(&mapping, timestamp)))
    }

    pub(crate) fn schema(&self) -> &dyn Schema {
        match self {
            Known::Live => &Live,
            Known::Documents(fields) => &**fields,
        }
    }
}

fn objects(text: &str) -> Vec<serde_json::Map<String, Json>> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

pub(crate) fn source(query: &str) -> Arc<Source> {
    Arc::new(Source { name: "<query>".into(), text: query.to_owned() })
}

pub(crate) fn compile(query: &str, schema: &dyn Schema, category: &str) -> Result<Program, Vec<Diagnostic>> {
    Program::compile_with(&source(query), schema, &Options { category_field: category.to_owned() })
}

/// The events of a case with all their fields, and the id of each.
fn documents<'a>(case: &Case, known: &Known, arena: &'a Bump) -> Vec<(i64, Held<'a>)> {
    match known {
        Known::Live => {
            let every: Vec<FieldId> =
                (0..u16::MAX).map(FieldId).take_while(|id| !Live.name(*id).is_empty()).collect();
            let events = trial::events(&case.events.text, &every, arena).unwrap();
            let id = |event: &Held<'_>| match event.values(field::EVENT_SEQUENCE).as_slice() {
                [Value::Long(serial)] => *serial,
                other => panic!("{other:?}"),
            };
            events.into_iter().map(|event| (id(&event), event)).collect()
        }
        Known::Documents(fields) => {
            let every: Vec<FieldId> =
                (0..u16::MAX).map(FieldId).take_while(|id| !fields.name(*id).is_empty()).collect();
            let mut events = Vec::new();
            for (position, object) in objects(&case.events.text).iter().enumerate() {
                let mut held = fields.read(object, &every, arena);
                let first = |name: &str| {
                    let (field, _) = fields.resolve(name)?;
                    held.values(field).as_slice().first().and_then(|value| match value {
                        Value::Long(number) | Value::Date(number) => Some(*number),
                        _ => None,
                    })
                };
                let millis = first(&case.timestamp).unwrap_or(i64::MAX);
                let tiebreaker = match &case.tiebreaker {
                    Some(name) => first(name).map_or(u64::MAX, |number| u64::try_from(number).unwrap()),
                    None => position as u64,
                };
                held.set_order(Order { millis, tiebreaker });
                let id = object.get(case.events.id.as_deref().unwrap_or("id")).and_then(Json::as_i64);
                events.push((id.expect("a number as id"), held));
            }
            events
        }
    }
}

/// The compiled form.
pub(crate) fn compiled(case: &Case) -> Vec<Hit> {
    let (known, arena) = (Known::of(&case.events, &case.timestamp), Bump::new());
    let program = match compile(&case.query, known.schema(), &case.category) {
        Ok(program) => program,
        Err(faults) => panic!("{}: {}\n{}", case.file, case.query, faults[0].title),
    };
    let (ids, events): (Vec<i64>, Vec<Held<'_>>) = documents(case, &known, &arena).into_iter().unzip();
    let bounds = Bounds { size: case.size, samples_per_key: case.samples_per_key };
    let found = finite::answer(&program, &events, bounds);
    let id = |event: &Option<usize>| event.map_or(-1, |at| ids[at]);
    found.iter().map(|hit| (hit.events.iter().map(id).collect(), key_values(&hit.key))).collect()
}

/// The tree, walked.
pub(crate) fn walked(case: &Case) -> Vec<Hit> {
    let (known, arena) = (Known::of(&case.events, &case.timestamp), Bump::new());
    let (ids, events): (Vec<i64>, Vec<Held<'_>>) = documents(case, &known, &arena).into_iter().unzip();
    let options = Options { category_field: case.category.clone() };
    let found = reference::answer(&source(&case.query), known.schema(), &options, &events, case.size);
    let id = |event: &Option<usize>| event.map_or(-1, |at| ids[at]);
    let keys = |keys: &Keys| keys.iter().map(|key| key.as_deref().map_or(Json::Null, Json::from)).collect();
    found.iter().map(|hit| (hit.events.iter().map(id).collect(), keys(&hit.keys))).collect()
}

/// `auditward eql`, its exit status and both outputs.
pub(crate) fn command(query: &str, events: &Events, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_auditward"));
    command.args(["eql", query, "-"]).args(more);
    let mapping = tempfile::NamedTempFile::new().unwrap();
    if !events.mapping.is_empty() {
        std::fs::write(mapping.path(), &events.mapping).unwrap();
        command.arg("--mapping").arg(mapping.path());
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(events.text.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// The command line.
pub(crate) fn by_command(case: &Case) -> Vec<Hit> {
    let (size, samples) = (case.size.map(|size| size.to_string()), case.samples_per_key.to_string());
    let mut more = vec!["--timestamp-field", &case.timestamp, "--event-category-field", &case.category];
    more.extend(["--max-samples-per-key", &samples]);
    more.extend(case.tiebreaker.iter().flat_map(|field| ["--tiebreaker-field", field]));
    more.extend(size.iter().flat_map(|size| ["--size", size]));
    let output = command(&case.query, &case.events, &more);
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    let expected = i32::from(out.is_empty());
    assert_eq!(output.status.code(), Some(expected), "{}: {}\n{err}", case.file, case.query);
    let hit = |line: &str| {
        let line: Json = serde_json::from_str(line).unwrap();
        let id = |event: &Json| match (event.is_null(), case.events.records) {
            (true, _) => -1,
            (false, true) => event["event"]["sequence"].as_i64().unwrap(),
            (false, false) => event["id"].as_i64().unwrap(),
        };
        (line["events"].as_array().unwrap().iter().map(id).collect(), line["join_keys"].clone())
    };
    out.lines().map(hit).collect()
}

/// The text of a rule file.
pub(crate) fn rule(uuid: &str, query: &str, more: &str) -> String {
    format!(
        "[rule]\nrule_id = \"{uuid}\"\nname = \"Case {uuid}\"\ndescription = \"d\"\ntype = \"eql\"\n\
         severity = \"low\"\nrisk_score = 21\nquery = '''\n{query}\n'''\n{more}"
    )
}
