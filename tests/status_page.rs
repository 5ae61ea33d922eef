//! docs/status.md tells every field of the report, every metric and every line.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::path::Path;

use auditward::daemon::doctor::CHECKS;
use auditward::daemon::status::{
    Accounts, Auditing, BlindSpot, Delivery, Destination, Events, File, Hindered, METRICS, Matched, Report,
    Rules, Store,
};
use auditward::output::Topic;
use serde_json::Value;

fn page() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/status.md")).expect("the page")
}

/// A report in which everything is there.
fn whole() -> Report {
    let hindered = || vec![Hindered::default()];
    Report {
        blind_spot: Some(BlindSpot::default()),
        delivery: Some(Delivery::default()),
        accounts: Some(Accounts::default()),
        auditing: Some(Auditing::default()),
        destinations: vec![Destination::default()],
        store: Some(Store::default()),
        events: Some(Events::default()),
        rules: Rules {
            partly: hindered(),
            not_live: hindered(),
            matched: vec![Matched::default()],
            files: vec![File::default()],
            ..Rules::default()
        },
        ..Report::default()
    }
}

/// The keys of objects, at every depth, with those above.
fn keys(value: &Value, above: &str, found: &mut BTreeSet<(String, String)>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                found.insert((above.to_owned(), key.clone()));
                keys(value, key, found);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| keys(value, above, found)),
        _ => {}
    }
}

#[test]
fn every_field_is_on_the_page() {
    let page = page();
    let mut found = BTreeSet::new();
    keys(&serde_json::to_value(whole()).unwrap(), "", &mut found);
    assert!(found.len() > 60, "{}", found.len());
    let missing: Vec<_> = found
        .iter()
        .filter(|(above, key)| {
            let spelt = [format!("`{key}`"), format!("`{above}.{key}`"), format!("`.{key}`")];
            let only_a_heading =
                found.iter().any(|(other, _)| other == key) && page.contains(&format!("`{key}."));
            !only_a_heading && !spelt.iter().any(|words| page.contains(words.as_str()))
        })
        .collect();
    assert!(missing.is_empty(), "not told in docs/status.md: {missing:?}");
}

#[test]
fn every_metric_and_every_line_is_on_the_page_and_no_other() {
    let page = page();
    let words = |text: &str| -> BTreeSet<String> {
        let parts = text.split('`').skip(1).step_by(2);
        parts
            .filter(|part| part.starts_with("auditward_") && !part.contains(' '))
            .map(str::to_owned)
            .collect()
    };
    let metrics: BTreeSet<String> = METRICS.iter().map(|metric| metric.name.to_owned()).collect();
    let told = words(page.split("## Metrics").nth(1).unwrap().split("Worth an alarm").next().unwrap());
    assert_eq!(told, metrics);
    let lines = page.split("## Lines of its own").nth(1).unwrap().split("\n## ").next().unwrap();
    let told: BTreeSet<&str> =
        lines.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let topics: BTreeSet<&str> = Topic::ALL.iter().map(|topic| topic.word()).collect();
    assert_eq!(told, topics);
}

#[test]
fn every_check_of_the_doctor_is_on_the_page_and_no_other() {
    let page = page();
    let section = page.split("## The doctor").nth(1).unwrap();
    let told: Vec<(&str, &str)> = section
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split(" | ");
            Some((cells.next()?.trim_end_matches('`'), cells.next()?))
        })
        .collect();
    assert_eq!(told, CHECKS);
}
