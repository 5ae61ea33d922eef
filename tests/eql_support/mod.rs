//! The project's own cases of EQL (`tests/eql/*.toml`; its README.md says how they are written), read.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot read its cases fails")]

pub(crate) mod reference;
pub(crate) mod ways;

use std::fmt::Write as _;
use std::path::Path;

use auditward::eql::{JoinKey, KeyValue};
use serde_json::{Value as Json, json};

/// What is asked: documents of JSON, or audit records.
#[derive(Clone, Debug, Default)]
pub(crate) struct Events {
    /// One document a line, each with a number `id`; or lines of an audit log, where the serial is the id.
    pub(crate) text: String,
    /// Audit records.
    pub(crate) records: bool,
    /// An Elasticsearch mapping; empty: types are found from the documents.
    pub(crate) mapping: String,
    /// The field that holds the id of a document, where it is not `id`.
    pub(crate) id: Option<String>,
}

/// A query that finds something, or nothing.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// The file it stands in.
    pub(crate) file: String,
    pub(crate) query: String,
    pub(crate) events: Events,
    /// Ids of the events of each hit; -1 for a missing event.
    pub(crate) hits: Vec<Vec<i64>>,
    /// The values of the join key of each hit, where the case says them.
    pub(crate) keys: Option<Json>,
    pub(crate) size: Option<usize>,
    pub(crate) samples_per_key: usize,
    pub(crate) tiebreaker: Option<String>,
    pub(crate) timestamp: String,
    pub(crate) category: String,
}

/// A query that is refused.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) file: String,
    pub(crate) query: String,
    /// The bytes that the caret stands under.
    pub(crate) place: std::ops::Range<usize>,
    /// How the fault's sentence begins.
    pub(crate) title: String,
    pub(crate) events: Events,
}

/// Every case and every refusal.
pub(crate) fn all() -> (Vec<Case>, Vec<Refused>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/eql");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    let (mut cases, mut refused) = (Vec::new(), Vec::new());
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).unwrap();
        let table: toml::Table = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        read_file(&name, &table, &mut cases, &mut refused);
    }
    (cases, refused)
}

fn read_file(file: &str, table: &toml::Table, cases: &mut Vec<Case>, refused: &mut Vec<Refused>) {
    const KNOWN: [&str; 7] = ["documents", "execs", "types", "cases", "case", "values", "refused"];
    for key in table.keys() {
        assert!(KNOWN.contains(&key.as_str()), "{file}: no key {key} in a file of cases");
    }
    let events = events(table).unwrap_or_default();
    let plain = Case {
        file: file.to_owned(),
        query: String::new(),
        events: events.clone(),
        hits: Vec::new(),
        keys: None,
        size: None,
        samples_per_key: 1,
        tiebreaker: None,
        timestamp: "@timestamp".to_owned(),
        category: "event.category".to_owned(),
    };
    for case in rows(table, "cases") {
        let hits = hits(&case[1]);
        let keys = case.get(2).map(to_json);
        cases.push(Case { query: whole(case[0].as_str().unwrap()), hits, keys, ..plain.clone() });
    }
    for case in rows(table, "values") {
        let (expression, value) = (case[0].as_str().unwrap(), case[1].as_str().unwrap());
        let documents = "{\"@timestamp\":1,\"id\":1}\n".to_owned();
        let one = Events { text: documents, records: false, ..Events::default() };
        for query in asking_for(expression, value) {
            let events = one.clone();
            cases.push(Case { query, hits: vec![vec![1]], events, ..plain.clone() });
        }
    }
    for case in table.get("case").and_then(toml::Value::as_array).into_iter().flatten() {
        cases.push(long_form(case.as_table().unwrap(), &plain));
    }
    for case in rows(table, "refused") {
        let marked = case[0].as_str().unwrap();
        let (start, end) = (marked.find('«').expect(marked), marked.find('»').expect(marked));
        let place = start..end - '«'.len_utf8();
        let (query, title) = (marked.replace(['«', '»'], ""), case[1].as_str().unwrap().to_owned());
        refused.push(Refused { file: file.to_owned(), query, place, title, events: events.clone() });
    }
}

fn long_form(case: &toml::Table, plain: &Case) -> Case {
    const KNOWN: [&str; 11] = [
        "query",
        "hits",
        "keys",
        "documents",
        "execs",
        "types",
        "size",
        "samples_per_key",
        "tiebreaker",
        "timestamp",
        "category",
    ];
    for key in case.keys() {
        assert!(KNOWN.contains(&key.as_str()), "{}: no key {key} in a case", plain.file);
    }
    let text = |key: &str| case.get(key).map(|text| text.as_str().unwrap().to_owned());
    let number =
        |key: &str| case.get(key).map(|number| usize::try_from(number.as_integer().unwrap()).unwrap());
    Case {
        query: whole(&text("query").unwrap()),
        events: events(case).unwrap_or_else(|| plain.events.clone()),
        hits: hits(&case["hits"]),
        keys: case.get("keys").map(to_json),
        size: number("size"),
        samples_per_key: number("samples_per_key").unwrap_or(1),
        tiebreaker: text("tiebreaker"),
        timestamp: text("timestamp").unwrap_or_else(|| plain.timestamp.clone()),
        category: text("category").unwrap_or_else(|| plain.category.clone()),
        ..plain.clone()
    }
}

fn rows<'a>(table: &'a toml::Table, key: &str) -> impl Iterator<Item = &'a Vec<toml::Value>> {
    let rows = table.get(key).map(|rows| rows.as_array().unwrap());
    rows.into_iter().flatten().map(|row| row.as_array().unwrap())
}

/// A condition alone stands for `any where` it.
fn whole(query: &str) -> String {
    let query = query.trim();
    let begins = |word: &str| query.starts_with(word);
    if query.contains(" where ") || begins("sequence") || begins("sample") {
        return query.to_owned();
    }
    format!("any where {query}")
}

/// The queries that match an event exactly if `expression`, which has no fields, comes to `value`.
pub(crate) fn asking_for(expression: &str, value: &str) -> Vec<String> {
    match value {
        "null" => vec![format!("any where null == ({expression})")],
        "true" => vec![format!("any where ({expression})")],
        "false" => vec![format!("any where not ({expression})")],
        text if text.starts_with('"') => vec![format!("any where ({expression}) == {text}")],
        number => vec![
            format!("any where ({expression}) == {number}"),
            // Tells 2 from 2.0.
            format!("any where string({expression}) == \"{number}\""),
        ],
    }
}

fn hits(value: &toml::Value) -> Vec<Vec<i64>> {
    let ids =
        |list: &toml::Value| list.as_array().unwrap().iter().map(|id| id.as_integer().unwrap()).collect();
    let list = value.as_array().unwrap();
    list.iter().map(|hit| hit.as_integer().map_or_else(|| ids(hit), |id| vec![id])).collect()
}

/// "null" is null: TOML has none.
fn to_json(value: &toml::Value) -> Json {
    match value {
        toml::Value::Array(list) => list.iter().map(to_json).collect(),
        toml::Value::String(text) if text == "null" => Json::Null,
        toml::Value::String(text) => json!(text),
        other => panic!("keys are texts: {other}"),
    }
}

fn events(table: &toml::Table) -> Option<Events> {
    if let Some(execs) = table.get("execs") {
        let mut text = String::new();
        for exec in execs.as_array().unwrap() {
            write_exec(exec.as_table().unwrap(), &mut text);
        }
        return Some(Events { text, records: true, ..Events::default() });
    }
    let text = table.get("documents")?.as_str().unwrap().trim_start().to_owned();
    let mapping = table.get("types").map(|types| {
        let types = types.as_table().unwrap().iter();
        let properties: serde_json::Map<String, Json> = types
            .map(|(name, kind)| match kind {
                toml::Value::String(kind) => (name.clone(), json!({ "type": kind })),
                more => (name.clone(), serde_json::to_value(more).unwrap()),
            })
            .collect();
        json!({ "mappings": { "properties": properties } }).to_string()
    });
    Some(Events { text, mapping: mapping.unwrap_or_default(), ..Events::default() })
}

/// The records of an exec, as the kernel writes them.
fn write_exec(exec: &toml::Table, out: &mut String) {
    const KNOWN: [&str; 8] = ["id", "millis", "exe", "args", "pid", "ppid", "uid", "ses"];
    assert!(exec.keys().all(|key| KNOWN.contains(&key.as_str())), "{exec:?}");
    let number = |key: &str, otherwise: i64| exec.get(key).map_or(otherwise, |n| n.as_integer().unwrap());
    let (id, exe) = (number("id", 0), exec["exe"].as_str().unwrap());
    let millis = 1_790_000_000_000 + number("millis", id * 1000);
    let stamp = format!("audit({}.{:03}:{id})", millis / 1000, millis % 1000);
    let hex = |text: &str| text.bytes().fold(String::new(), |hex, byte| hex + &format!("{byte:02X}"));
    let coded = |text: &str| match text.bytes().all(|b| b.is_ascii_graphic() && b != b'"') {
        true => format!("\"{text}\""),
        false => hex(text),
    };
    let args: Vec<&str> = exec["args"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap()).collect();
    let comm: String = exe.rsplit('/').next().unwrap().chars().take(15).collect();
    let (pid, ppid) = (number("pid", 5000 + id), number("ppid", 4000));
    let (uid, ses) = (number("uid", 0), number("ses", 1));
    writeln!(
        out,
        "type=SYSCALL msg={stamp}: arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=2 a2=3 a3=8 items=1 ppid={ppid} \
         pid={pid} auid=1000 uid={uid} gid=0 euid={uid} suid={uid} fsuid={uid} egid=0 sgid=0 fsgid=0 tty=pts0 ses={ses} \
         comm={} exe={} subj=unconfined key=(null)",
        coded(&comm),
        coded(exe)
    )
    .unwrap();
    write!(out, "type=EXECVE msg={stamp}: argc={}", args.len()).unwrap();
    for (index, arg) in args.iter().enumerate() {
        write!(out, " a{index}={}", if arg.is_empty() { "\"\"".to_owned() } else { coded(arg) }).unwrap();
    }
    writeln!(out).unwrap();
    writeln!(
        out,
        "type=PATH msg={stamp}: item=0 name={} inode=131 dev=fe:01 mode=0100755 ouid=0 ogid=0 rdev=00:00 \
         nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0\ntype=EOE msg={stamp}: ",
        coded(exe)
    )
    .unwrap();
}

/// The values of a key as `auditward eql` prints them for numbers and texts.
pub(crate) fn key_values(key: &JoinKey) -> Json {
    let mut values = Vec::new();
    key.for_each(|value| {
        values.push(match value {
            KeyValue::Null => Json::Null,
            KeyValue::Text(text) => json!(String::from_utf8_lossy(text)),
            KeyValue::Long(number) => json!(number.to_string()),
            KeyValue::Double(number) => json!(number.to_string()),
            KeyValue::Bool(truth) => json!(truth.to_string()),
            KeyValue::Ip(address) => json!(address.to_string()),
            KeyValue::Date(millis) => json!(millis.to_string()),
        });
    });
    Json::Array(values)
}
