//! The project's own cases of EQL, `tests/eql/*.toml`, by every way in which a query is evaluated.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot read its cases fails")]

mod eql_support;
mod program;

use std::collections::BTreeMap;

use auditward::diagnostic::Diagnostic;
use auditward::eql::{Kind, Program, parse};
use auditward::event::schema::Live;
use auditward::event::{FieldId, Schema};
use auditward::rule::load::load;
use eql_support::ways::{self, Hit, Known};
use eql_support::{Case, Refused, all};
use serde_json::Value as Json;

fn program(case: &Case) -> Program {
    ways::compile(&case.query, Known::of(&case.events, &case.timestamp).schema(), &case.category).unwrap()
}

/// What differs from what the case says, if anything does.
fn difference(case: &Case, found: &[Hit]) -> Option<String> {
    let ids: Vec<&Vec<i64>> = found.iter().map(|(ids, _)| ids).collect();
    let keys: Json = found.iter().map(|(_, keys)| keys.clone()).collect();
    let wrong_keys = case.keys.as_ref().is_some_and(|wanted| *wanted != keys);
    (ids != case.hits.iter().collect::<Vec<_>>() || wrong_keys).then(|| {
        let (file, query) = (&case.file, &case.query);
        format!("{file}: {query}\n  wanted {:?} {:?}\n  found  {ids:?} {keys}", case.hits, case.keys)
    })
}

fn every_case(way: impl Fn(&Case) -> Option<Vec<Hit>>) -> usize {
    let mut asked = 0;
    let wrong: Vec<String> = all()
        .0
        .iter()
        .filter_map(|case| {
            let found = way(case)?;
            asked += 1;
            difference(case, &found)
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {asked} cases\n{}", wrong.len(), wrong.join("\n"));
    asked
}

#[test]
fn compiled() {
    assert!(every_case(|case| Some(ways::compiled(case))) > 300);
}

#[test]
fn walked() {
    let one_hit = |case: &Case| case.samples_per_key == 1;
    assert!(every_case(|case| one_hit(case).then(|| ways::walked(case))) > 300);
}

#[test]
fn by_command_line() {
    assert!(every_case(|case| Some(ways::by_command(case))) > 300);
}

fn uuid(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// Event queries over records, each a rule file, all in one replay of the same records.
#[test]
fn as_rule_files_in_replay() {
    let mut by_events: BTreeMap<String, Vec<Case>> = BTreeMap::new();
    for case in all().0.into_iter().filter(|case| case.events.records && !case.query.contains('|')) {
        if program(&case).kind() == Kind::Event {
            by_events.entry(case.events.text.clone()).or_default().push(case);
        }
    }
    let mut asked = 0;
    for (records, cases) in &by_events {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("rules")).unwrap();
        std::fs::write(directory.path().join("audit.log"), records).unwrap();
        for (number, case) in cases.iter().enumerate() {
            let rule = ways::rule(&uuid(number), &case.query, "");
            std::fs::write(directory.path().join(format!("rules/{number:04}.toml")), rule).unwrap();
        }
        let arguments = ["replay", "--rules", "rules", "--site", "none", "--format", "json", "audit.log"];
        let (status, out, err) = program::auditward(directory.path(), &arguments);
        assert_eq!(status, 0, "{err}");
        let mut found: BTreeMap<String, Vec<Hit>> = BTreeMap::new();
        for line in out.lines() {
            let alert: Json = serde_json::from_str(line).unwrap();
            let rule = alert["rule"]["uuid"].as_str().unwrap().to_owned();
            let hit = (vec![alert["event"]["sequence"].as_i64().unwrap()], Json::Array(Vec::new()));
            found.entry(rule).or_default().push(hit);
        }
        let wrong: Vec<String> = (0..cases.len())
            .filter_map(|n| difference(&cases[n], found.get(&uuid(n)).map_or(&[], Vec::as_slice)))
            .collect();
        assert!(wrong.is_empty(), "{}\n{err}", wrong.join("\n"));
        asked += cases.len();
    }
    assert!(asked >= 25, "{asked}");
}

/// Queries that ask only for fields that live events have, of the same types, with their documents as the
/// events of a rule's own test.
#[test]
fn as_tests_of_rule_files() {
    let directory = tempfile::tempdir().unwrap();
    let mut asked = 0;
    for (number, case) in all().0.iter().enumerate() {
        let plain = case.size.is_none() && case.tiebreaker.is_none() && case.samples_per_key == 1;
        let usual = case.timestamp == "@timestamp" && case.category == "event.category";
        if !plain || !usual || case.query.contains("'''") || !means_the_same_live(case) {
            continue;
        }
        let test = format!(
            "[[auditward.test]]\nname = \"hits\"\nmatches = {}\n{} = '''\n{}'''\n",
            case.hits.len(),
            if case.events.records { "records" } else { "events" },
            case.events.text
        );
        let rule = ways::rule(&uuid(number), &case.query, &test);
        std::fs::write(directory.path().join(format!("{number:04}.toml")), rule).unwrap();
        asked += 1;
    }
    assert!(asked > 100, "{asked}");
    let (status, out, err) = program::auditward(directory.path(), &["rules", "test", ".", "--site", "none"]);
    let wrong: Vec<&str> = out.lines().filter(|line| !line.ends_with("... ok")).collect();
    assert_eq!(status, 0, "{}\n{err}", wrong.join("\n"));
    assert!(out.contains(&format!("{asked} passed; 0 failed")), "{out}");
}

/// Whether the query is one over live events too: every field is known there by the same type, and no
/// optional one is known to one of the two only.
fn means_the_same_live(case: &Case) -> bool {
    let known = Known::of(&case.events, &case.timestamp);
    let schema = known.schema();
    let (Ok(there), Ok(here)) = (
        ways::compile(&case.query, &Live, &case.category),
        ways::compile(&case.query, schema, &case.category),
    ) else {
        return false;
    };
    let names = |program: &Program, schema: &dyn Schema| -> Vec<(String, String)> {
        let of = |id: &FieldId| {
            let name = schema.name(*id).to_owned();
            let kind = schema.resolve(&name).unwrap().1.name().to_owned();
            (name, kind)
        };
        let mut names: Vec<_> = program.fields().iter().map(of).collect();
        names.sort();
        names
    };
    // A live event's action answers to every producer's word, and its time is read from ISO 8601 alone.
    let (there, here) = (names(&there, &Live), names(&here, schema));
    let written_otherwise = here.iter().any(|(name, _)| name == "event.action" || name == "@timestamp");
    let times = case.events.text.contains("\"@timestamp\":\"20");
    there == here && !written_otherwise && (times || !case.query.starts_with("sequence"))
}

/// What is otherwise than said of the first fault's place and sentence.
fn told_otherwise(refused: &Refused, faults: &[Diagnostic], offset: usize) -> Option<String> {
    let fault = &faults[0];
    let span = fault.primary.as_ref().expect("a place").span;
    let found = span.start as usize..span.end as usize;
    let wanted = refused.place.start + offset..refused.place.end + offset;
    let text = &fault.source.as_ref().unwrap().text;
    let as_said = found == wanted && !refused.title.is_empty() && fault.title.starts_with(&refused.title);
    (!as_said).then(|| {
        format!(
            "{}: {}\n  wanted at `{}`: {}\n  found at  `{}`: {}",
            refused.file,
            refused.query,
            text.get(wanted).unwrap_or_default(),
            refused.title,
            &text[found],
            fault.title
        )
    })
}

#[test]
fn refused_with_the_place() {
    let (_, refused) = all();
    assert!(refused.len() > 90, "{}", refused.len());
    let wrong = refused.iter().filter_map(|case| {
        let known = Known::of(&case.events, "@timestamp");
        match ways::compile(&case.query, known.schema(), "event.category") {
            Ok(_) => Some(format!("{}: accepted: {}", case.file, case.query)),
            Err(faults) => told_otherwise(case, &faults, 0),
        }
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{} refusals\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn refused_by_command_line() {
    for case in &all().1 {
        let output = ways::command(&case.query, &case.events, &[]);
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{}\n{err}", case.query);
        assert!(output.stdout.is_empty(), "{}", case.query);
        let before = &case.query[..case.place.start];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
        assert!(err.contains(&format!("--> <query>:{line}:{column}\n")), "{}\n{err}", case.query);
        assert!(err.contains('^') && err.contains(&case.title), "{}\n{err}", case.query);
    }
}

#[test]
fn refused_as_rule_files() {
    let mut asked = 0;
    for case in all().1.iter().filter(|case| case.events.records) {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("case.toml");
        let text = ways::rule(&uuid(1), &case.query, "");
        std::fs::write(&file, &text).unwrap();
        let loaded = load(&[file], &Live);
        assert!(loaded.rules.is_empty() && loaded.errors() > 0, "{}", case.query);
        let offset = text.find("'''\n").unwrap() + 4;
        assert_eq!(told_otherwise(case, &loaded.diagnostics, offset), None);
        asked += 1;
    }
    assert!(asked >= 5, "{asked}");
}

/// Printed, a query is read as the same, and finds the same.
#[test]
fn compiled_from_its_print() {
    let printed = |case: &Case| {
        let query = parse(&ways::source(&case.query)).unwrap().to_string();
        assert_eq!(parse(&ways::source(&query)).unwrap().to_string(), query);
        Case { query, ..case.clone() }
    };
    assert!(every_case(|case| Some(ways::compiled(&printed(case)))) > 300);
}

/// The cases would prove little if they left a part of the language out.
#[test]
fn the_whole_language_is_asked() {
    let (cases, _) = all();
    let queries: Vec<&str> = cases.iter().map(|case| case.query.as_str()).collect();
    let missing = |parts: &[String]| -> Vec<String> {
        parts.iter().filter(|part| !queries.iter().any(|query| query.contains(&***part))).cloned().collect()
    };
    let functions = auditward::eql::functions::FUNCTIONS;
    let plain = functions.iter().map(|function| format!("{}(", function.name));
    let insensitive = functions.iter().filter(|f| f.insensitive).map(|f| format!("{}~(", f.name));
    let words = [
        " == ",
        " != ",
        " < ",
        " <= ",
        " > ",
        " >= ",
        " : ",
        " like ",
        " like~ ",
        " regex ",
        " regex~ ",
        " in ",
        " in~ ",
        " not in ",
        " not in~ ",
        "not ",
        " and ",
        " or ",
        " + ",
        " - ",
        " * ",
        " / ",
        " % ",
        "-(",
        "?",
        "`",
        "\"\"\"",
        "//",
        "/*",
        "null",
        "true",
        "false",
        "sequence by",
        "with maxspan=",
        "until [",
        "with runs=",
        "![",
        "sample by",
        "| head ",
        "| tail ",
        "any where",
        "\" where",
    ];
    let parts: Vec<String> =
        words.iter().map(|word| (*word).to_owned()).chain(plain).chain(insensitive).collect();
    assert_eq!(missing(&parts), Vec::<String>::new());
}

/// What is not looked at for its number is counted and told.
#[test]
fn what_is_cut_is_told() {
    let words = |most: u32| (0..most).map(|n| format!("\"w{n}\"")).collect::<Vec<_>>().join(",");
    let event =
        |id: u32| format!("{{\"@timestamp\":{id},\"id\":{id},\"a\":[{0}],\"b\":[{0}]}}\n", words(300));
    let events = eql_support::Events { text: event(1) + &event(2), ..eql_support::Events::default() };
    let told = |query: &str| String::from_utf8(ways::command(query, &events, &[]).stderr).unwrap();
    assert_eq!(
        told("any where concat(a, b) == \"no\""),
        "auditward: 2 comparisons had more combinations of values than are tried (65,536)\n"
    );
    assert_eq!(
        told("sequence by a, b [any where id == 1] [any where id == 2]"),
        "auditward: 2 events had more join keys than are followed (1,024)\n"
    );
    assert_eq!(told("sequence by a [any where id == 1] [any where id == 2]"), "");

    let directory = tempfile::tempdir().unwrap();
    let exec = |args: u32| {
        let args: String = (0..args).map(|n| format!(" a{n}=\"w{n}\"")).collect();
        format!(
            "type=SYSCALL msg=audit(1790000000.000:1): arch=c000003e syscall=59 success=yes exit=0 items=0 ppid=1 pid=2 \
             auid=0 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=4 comm=\"x\" exe=\"/x\" key=(null)\n\
             type=EXECVE msg=audit(1790000000.000:1): argc=70000{args}\ntype=EOE msg=audit(1790000000.000:1): \n"
        )
    };
    std::fs::write(directory.path().join("audit.log"), exec(70_000)).unwrap();
    std::fs::write(
        directory.path().join("rule.toml"),
        ways::rule(&uuid(1), "process where length(process.args) == 99", ""),
    )
    .unwrap();
    let arguments = ["replay", "--rules", "rule.toml", "--site", "none", "audit.log"];
    let (status, _, err) = program::auditward(directory.path(), &arguments);
    assert_eq!(status, 0, "{err}");
    assert!(err.contains("1 comparison with more combinations of values than are tried"), "{err}");
}
