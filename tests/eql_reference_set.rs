//! The reference set beside a checkout (`../shared/eql`, what Elasticsearch's own tests expect), where it is
//! there: the compiled form and the walk of the syntax tree both answer it, join keys included. The
//! whole program is asked it by the tier `eql` of `.ci/run`.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot read its cases fails")]

mod common;
mod eql_support;

use std::path::Path;

use auditward::diagnostic::render;
use eql_support::ways::{self, Hit, Known};
use eql_support::{Case, Events};
use serde_json::{Value as Json, json};

/// Types that the documents do not show, as the set's README has them.
fn types(file: &str) -> Json {
    match file {
        "extra.ndjson" => json!({
            "version": {"type": "version"}, "date_tags": {"type": "date"},
            "optional_field_mapping_only": {"type": "keyword"},
            "optional_field_default_null": {"type": "keyword", "null_value": "NULL"}
        }),
        "sample1.ndjson" => json!({
            "@timestamp_pretty": {"type": "date", "format": "dd-MM-yyyy"}, "ip": {"type": "ip"}, "host_ip": {"type": "ip"}
        }),
        "sample2.ndjson" => json!({
            "@timestamp_pretty": {"type": "date", "format": "yyyy-MM-dd"}, "ip": {"type": "ip"}, "host_ip": {"type": "ip"}
        }),
        "sample3.ndjson" => {
            json!({"date": {"type": "date"}, "ip": {"type": "ip"}, "host_ip": {"type": "ip"}})
        }
        "endgame-140.ndjson" => json!({
            "source_address": {"type": "ip"}, "destination_address": {"type": "ip"}, "@timestamp": {"type": "date"}
        }),
        "multivalue.ndjson" => json!({"source_address": {"type": "ip"}}),
        _ => json!({}),
    }
}

fn lines(file: &Path) -> Vec<Json> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn text(case: &Json, key: &str) -> Option<String> {
    case[key].as_str().map(str::to_owned)
}

fn events(folder: &Path, case: &Json) -> Events {
    let files: Vec<&str> = match &case["data"] {
        Json::Array(files) => files.iter().map(|file| file.as_str().unwrap()).collect(),
        file => vec![file.as_str().unwrap()],
    };
    let mut properties = json!({});
    let mut events = Events { id: text(case, "id"), ..Events::default() };
    // The one filter of the set: a range on the time stamp.
    let least = case["filter"]["range"]["@timestamp"]["gte"].as_i64();
    for file in files {
        for (name, kind) in types(file).as_object().unwrap() {
            properties[name] = kind.clone();
        }
        for line in std::fs::read_to_string(folder.join(file)).unwrap().lines() {
            let document: Json = serde_json::from_str(line).unwrap();
            let time = document["@timestamp"].as_str().and_then(|time| time.parse::<i64>().ok());
            if least.is_none_or(|least| time >= Some(least)) {
                events.text += &format!("{line}\n");
            }
        }
    }
    events.mapping = json!({ "properties": properties }).to_string();
    events
}

fn ids(list: &Json) -> Vec<i64> {
    list.as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect()
}

fn hits(list: &Json) -> Vec<Vec<i64>> {
    let hit = |hit: &Json| hit.as_i64().map_or_else(|| ids(hit), |id| vec![id]);
    list.as_array().unwrap().iter().map(hit).collect()
}

fn read(folder: &Path) -> Vec<(Json, Case)> {
    let cases = lines(&folder.join("cases.ndjson")).into_iter().filter(|case| case["kind"] != "expression");
    let read = |case: Json| {
        let number = |key: &str| case[key].as_u64().map(|number| usize::try_from(number).unwrap());
        let read = Case {
            file: format!("{}/{}", case["suite"].as_str().unwrap(), case["name"].as_str().unwrap()),
            query: text(&case, "query").unwrap(),
            events: events(folder, &case),
            hits: hits(&case["expected"]),
            keys: None,
            size: number("size"),
            samples_per_key: number("max_samples_per_key").unwrap_or(1),
            tiebreaker: text(&case, "tiebreaker"),
            timestamp: text(&case, "timestamp").unwrap_or_else(|| "@timestamp".to_owned()),
            category: text(&case, "event_category").unwrap(),
        };
        (case, read)
    };
    cases.map(read).collect()
}

fn sorted(mut hits: Vec<Vec<i64>>) -> Vec<Vec<i64>> {
    hits.iter_mut().for_each(|hit| hit.sort_unstable());
    hits.sort();
    hits
}

/// Whether the hits are what one may expect: any of several sets of samples is right, and sequences that
/// end in one event have no order among themselves.
fn right(case: &Json, read: &Case, found: &[Hit]) -> bool {
    let found: Vec<Vec<i64>> = found.iter().map(|(ids, _)| ids.clone()).collect();
    if let Some(options) = case["expected_any_of"].as_array() {
        return options.iter().any(|option| sorted(hits(option)) == sorted(found.clone()));
    }
    match case["kind"].as_str().unwrap() {
        "sample" => sorted(found) == sorted(read.hits.clone()),
        "sequence" => {
            let ends = |hits: &[Vec<i64>]| hits.iter().map(|hit| *hit.last().unwrap()).collect::<Vec<_>>();
            let same_order = ends(&found) == ends(&read.hits);
            let (mut found, mut wanted) = (found, read.hits.clone());
            found.sort();
            wanted.sort();
            same_order && found == wanted
        }
        _ => found == read.hits,
    }
}

#[test]
fn compiled_and_walked() {
    let Some(folder) = common::shared("eql") else { return };
    let mut wrong = Vec::new();
    let cases = read(&folder);
    assert!(cases.len() > 300, "{}", cases.len());
    for (case, read) in &cases {
        let compiled = ways::compiled(read);
        if !right(case, read, &compiled) {
            wrong.push(format!("compiled: {}: {:?}", read.file, compiled));
        }
        let mut found: Vec<String> = compiled.iter().map(|(_, keys)| keys.to_string()).collect();
        let keys = case["join_keys"].as_array().into_iter().flatten();
        let mut wanted: Vec<String> = keys.map(Json::to_string).collect();
        found.sort();
        wanted.sort();
        // Dates in keys are shown in two ways; a case that names none has none to compare.
        if !wanted.is_empty()
            && found != wanted
            && !read.query.contains("date")
            && !read.query.contains("timestamp")
        {
            wrong.push(format!("keys: {}: {found:?} for {wanted:?}", read.file));
        }
        // The walk finds one sample for a key, any of those that are right.
        if case["kind"] != "sample" {
            let walked = ways::walked(read);
            if !right(case, read, &walked) {
                wrong.push(format!("walked: {}: {walked:?}", read.file));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn refused_and_accepted() {
    let Some(folder) = common::shared("eql") else { return };
    let flat: serde_json::Map<String, Json> =
        serde_json::from_str(&std::fs::read_to_string(folder.join("types.json")).unwrap()).unwrap();
    let mut properties = json!({});
    for (name, kind) in &flat {
        match name.strip_suffix(".keyword").filter(|parent| flat.contains_key(*parent)) {
            Some(parent) => properties[parent]["fields"] = json!({ "keyword": { "type": kind } }),
            None => properties[name]["type"] = kind.clone(),
        }
    }
    let mapping = json!({ "dynamic": "strict", "properties": properties }).to_string();
    let known = Known::of(&Events { mapping, ..Events::default() }, "@timestamp");
    let compile =
        |case: &Json| ways::compile(case["query"].as_str().unwrap(), known.schema(), "event.category");
    let mut wrong = Vec::new();
    for case in lines(&folder.join("errors.ndjson")) {
        match compile(&case) {
            Ok(_) => wrong.push(format!("accepted: {}", case["query"])),
            Err(faults) => {
                let placed =
                    faults.iter().all(|fault| fault.primary.is_some() && render(fault, false).contains('^'));
                if !placed {
                    wrong.push(format!("no caret: {}", case["query"]));
                }
            }
        }
    }
    for case in lines(&folder.join("accepts.ndjson")) {
        if let Err(faults) = compile(&case) {
            wrong.push(format!("refused: {}: {}", case["query"], faults[0].title));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
