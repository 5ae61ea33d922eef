//! The index template for Elasticsearch is made of the schema table and of ECS's published types; every document that
//! comes of the recordings is one that it takes. `AUDITWARD_UPDATE=1 cargo test --test index_template` writes it anew.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "unwrap is how a test fails")]

mod program;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use auditward::event::ECS_VERSION;
use auditward::event::schema::{FieldType, ROWS};
use serde_json::{Map, Value, json};

const TEMPLATE: &str = "packaging/contrib/elasticsearch/logs-auditward.json";

/// What is kept in the document and not looked for: prose, and answers whose shape is the question's.
const NOT_INDEXED: [&str; 2] = ["auditward.events", "auditward.triage"];

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Type by field: ECS's where it has the field, else the schema's.
fn types() -> BTreeMap<String, &'static str> {
    let mut types = BTreeMap::new();
    for row in ROWS.iter().filter(|row| row.has_source()) {
        let kind = match row.kind {
            FieldType::Keyword => "keyword",
            FieldType::Wildcard => "wildcard",
            FieldType::ConstantKeyword => "constant_keyword",
            FieldType::Text => "match_only_text",
            FieldType::Long => "long",
            FieldType::Double => "double",
            FieldType::Boolean => "boolean",
            FieldType::Date => "date",
            FieldType::Ip => "ip",
            FieldType::Version => "version",
        };
        types.insert(row.name.to_owned(), kind);
    }
    let facts = std::fs::read_to_string(repository().join("tests/fixtures/ecs_fields.txt")).unwrap();
    for line in facts.lines().filter(|line| !line.starts_with('#')) {
        let (field, kind) = line.split_once(' ').unwrap();
        let kind =
            ["keyword", "match_only_text", "long", "float", "boolean", "ip", "date", "constant_keyword"]
                .into_iter()
                .find(|known| *known == kind);
        // `labels` is left to the rule for texts. What the schema calls a wildcard is one in ECS too.
        if let Some(kind) = kind {
            types.entry(field.to_owned()).or_insert(kind);
        }
    }
    types.retain(|field, _| !NOT_INDEXED.iter().any(|above| field.starts_with(&format!("{above}."))));
    types
}

fn mapping(kind: &str) -> Value {
    match kind {
        // The longest that Lucene takes is 32,766 bytes, and a longer one would cost the whole document.
        "keyword" => json!({ "type": "keyword", "ignore_above": 1024 }),
        other => json!({ "type": other }),
    }
}

fn properties() -> Value {
    let mut root = json!({ "properties": {} });
    let mut place = |field: &str, mapping: Value| {
        let mut at = &mut root;
        for part in field.split('.') {
            let properties = at.as_object_mut().unwrap().entry("properties").or_insert_with(|| json!({}));
            at = properties.as_object_mut().unwrap().entry(part).or_insert_with(|| json!({}));
        }
        *at = mapping;
    };
    let types = types();
    for (field, kind) in &types {
        let holds_others = types.keys().any(|other| other.starts_with(&format!("{field}.")));
        assert!(!holds_others, "{field} is a field and an object");
        place(field, mapping(kind));
    }
    for field in NOT_INDEXED {
        place(field, json!({ "type": "object", "enabled": false }));
    }
    root["properties"].take()
}

fn template() -> Value {
    json!({
        "index_patterns": ["logs-auditward.*-*"],
        "data_stream": {},
        "priority": 200,
        "template": {
            "settings": {
                "index": {
                    "mapping": { "total_fields": { "limit": 2000 } },
                    "default_pipeline": "_none",
                    "final_pipeline": "_none",
                },
            },
            "mappings": {
                "dynamic_templates": [
                    {
                        "texts": {
                            "match_mapping_type": "string",
                            "mapping": { "type": "keyword", "ignore_above": 1024 },
                        },
                    },
                ],
                "date_detection": false,
                "properties": properties(),
            },
        },
        "_meta": {
            "description": "What auditward writes: alerts, events and notices.",
            "managed_by": "auditward",
            "version": env!("CARGO_PKG_VERSION"),
            "ecs": ECS_VERSION,
        },
    })
}

#[test]
fn the_template_is_the_table() {
    let made = serde_json::to_string_pretty(&template()).unwrap() + "\n";
    let path = repository().join(TEMPLATE);
    if std::env::var_os("AUDITWARD_UPDATE").is_some() {
        std::fs::write(path, &made).unwrap();
        return;
    }
    let there = std::fs::read_to_string(path).unwrap();
    assert!(there == made, "{TEMPLATE} is stale: AUDITWARD_UPDATE=1 cargo test --test index_template");
}

/// Whether Elasticsearch indexes the value under this type, without refusing the document.
fn fits(kind: &str, value: &Value) -> bool {
    match (kind, value) {
        (_, Value::Array(items)) => items.iter().all(|item| fits(kind, item)),
        ("keyword" | "wildcard" | "match_only_text" | "constant_keyword", Value::String(_)) => true,
        ("version", Value::String(text)) => !text.is_empty(),
        ("long", Value::Number(number)) => number.is_i64(),
        ("float" | "double", Value::Number(_)) => true,
        ("boolean", Value::Bool(_)) => true,
        ("ip", Value::String(text)) => text.parse::<std::net::IpAddr>().is_ok(),
        ("date", Value::String(text)) => text.parse::<jiff::Timestamp>().is_ok(),
        _ => false,
    }
}

/// What Elasticsearch would refuse in a document; the types that it gives to fields which the template leaves to it are
/// kept in `given`.
struct Index {
    properties: Value,
    given: BTreeMap<String, &'static str>,
    refused: BTreeSet<String>,
}

impl Index {
    fn new() -> Self {
        let template: Value =
            serde_json::from_str(&std::fs::read_to_string(repository().join(TEMPLATE)).unwrap()).unwrap();
        let properties = template["template"]["mappings"]["properties"].clone();
        Self { properties, given: BTreeMap::new(), refused: BTreeSet::new() }
    }

    fn mapping(&self, path: &str) -> Value {
        let pointer = format!("/{}", path.replace('.', "/properties/"));
        self.properties.pointer(&pointer).cloned().unwrap_or(Value::Null)
    }

    fn take(&mut self, fields: &Map<String, Value>, above: &str) {
        for (name, value) in fields {
            let path = if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
            self.field(&path, value);
        }
    }

    fn field(&mut self, path: &str, value: &Value) {
        let mapping = self.mapping(path);
        match (mapping["type"].as_str(), value) {
            (Some("object"), _) => assert_eq!(mapping["enabled"], false),
            (Some(kind), value) if !fits(kind, value) => {
                self.refused.insert(format!("{path} is no {kind}: {value}"));
            }
            (Some(_), _) | (None, Value::Null) => {}
            (None, Value::Array(items)) => items.iter().for_each(|item| self.field(path, item)),
            (None, Value::Object(fields)) => {
                self.gives(path, "object");
                self.take(fields, path);
            }
            (None, Value::String(_)) => self.gives(path, "keyword"),
            (None, Value::Number(number)) => self.gives(path, if number.is_f64() { "float" } else { "long" }),
            (None, Value::Bool(_)) => self.gives(path, "boolean"),
        }
    }

    /// The first value of a field decides on its type; one of another is refused, but that numbers and truth values
    /// are taken as texts.
    fn gives(&mut self, path: &str, kind: &'static str) {
        let first = *self.given.entry(path.to_owned()).or_insert(kind);
        let taken =
            first == kind || first == "keyword" && kind != "object" || first == "float" && kind == "long";
        if !taken {
            self.refused.insert(format!("{path} was {first} first and is {kind} then"));
        }
    }
}

#[test]
fn every_alert_and_event_of_the_recordings_is_taken() {
    let mut index = Index::new();
    let here = tempfile::tempdir().unwrap();
    let fixtures = repository().join("tests/fixtures");
    let mut read = BTreeMap::new();
    for (command, inputs) in [
        (
            &["replay", "--format", "json"][..],
            &["uid0", "kernel", "field_reports", "host-day.log.gz", "admin-day.log.gz"][..],
        ),
        (&["events"], &["uid0", "kernel", "host-day.log.gz"]),
    ] {
        for input in inputs {
            let input = fixtures.join(input);
            let args: Vec<&str> = command.iter().copied().chain([input.to_str().unwrap()]).collect();
            let (_, out, _) = program::auditward(here.path(), &args);
            for line in out.lines() {
                let document: Value = serde_json::from_str(line).unwrap();
                // The stream that it is for takes it: `data_stream.*` are its own name.
                let of = |part: &str| document["data_stream"][part].as_str().unwrap_or_default().to_owned();
                let dataset = of("dataset");
                assert_eq!(
                    (of("type"), of("namespace")),
                    ("logs".to_owned(), "default".to_owned()),
                    "{line}"
                );
                assert_eq!(document["event"]["dataset"], dataset.as_str());
                assert_eq!(document["agent"]["type"], "auditward");
                assert_eq!(document["ecs"]["version"], ECS_VERSION);
                assert_eq!(document["event"]["module"], "auditward");
                *read.entry(dataset).or_insert(0) += 1;
                index.take(document.as_object().unwrap(), "");
            }
        }
    }
    assert_eq!(index.refused, BTreeSet::new());
    let of = |dataset: &str| read.get(dataset).copied().unwrap_or(0);
    assert!(of("auditward.alert") > 40 && of("auditward.event") > 5_000 && read.len() == 2, "{read:?}");
}

/// Kibana's prebuilt rule "External Alerts" takes what has `event.kind: alert` in `logs-*` and is of no Elastic module,
/// and reads name, severity and risk from these fields; times from `event.ingested`, else `@timestamp`.
#[test]
fn external_alerts_of_kibana_promotes_them() {
    let here = tempfile::tempdir().unwrap();
    let uid0 = repository().join("tests/fixtures/uid0");
    let (_, out, _) =
        program::auditward(here.path(), &["replay", "--format", "json", uid0.to_str().unwrap()]);
    let mut alerts = 0;
    for line in out.lines() {
        alerts += 1;
        let alert: Value = serde_json::from_str(line).unwrap();
        let event = &alert["event"];
        assert_eq!(event["kind"], "alert");
        assert!(!["endgame", "endpoint", "cloud_defend"].contains(&event["module"].as_str().unwrap()));
        // The numbers that its severity mapping knows.
        assert!([21, 47, 73, 99].contains(&event["severity"].as_u64().unwrap()), "{line}");
        assert!((0..=100).contains(&event["risk_score"].as_u64().unwrap()));
        assert!(
            alert["@timestamp"].is_string()
                && alert["message"].is_string()
                && alert["rule"]["name"].is_string()
        );
        let stream =
            ["type", "dataset", "namespace"].map(|part| alert["data_stream"][part].as_str().unwrap());
        assert_eq!(stream.join("-"), "logs-auditward.alert-default");
    }
    assert!(alerts >= 15, "{alerts}");
}

/// A check that takes everything proves nothing.
#[test]
fn what_it_refuses_is_found() {
    let mut index = Index::new();
    let documents = [
        json!({ "process": { "pid": "seven" }, "source": { "ip": "nowhere" }, "auditward": { "x": { "y": 1 } } }),
        json!({ "auditward": { "x": "text" }, "event": { "created": "yesterday" } }),
    ];
    for document in &documents {
        index.take(document.as_object().unwrap(), "");
    }
    let fields: Vec<&str> = index.refused.iter().map(|fault| fault.split(' ').next().unwrap()).collect();
    assert_eq!(fields, ["auditward.x", "event.created", "process.pid", "source.ip"]);
}
