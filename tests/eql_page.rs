//! docs/eql.md: every query on it is asked, every expression worked out, and the functions are the table that
//! the program itself goes by. `AUDITWARD_UPDATE=1 cargo test --test eql_page` writes the functions anew.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot read its page fails")]

mod eql_support;
mod program;

use std::fmt::Write as _;

use auditward::eql::functions::{FUNCTIONS, Function, Kind};
use eql_support::ways::{self, Known};
use eql_support::{Case, Events, asking_for};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/eql.md");
const BEGIN: &str = "<!-- functions: written by AUDITWARD_UPDATE=1 cargo test --test eql_page -->\n";
const END: &str = "<!-- end of functions -->\n";

fn page() -> String {
    std::fs::read_to_string(PATH).unwrap()
}

/// The fenced blocks: language, text, and the first line behind them that is not empty.
fn blocks(page: &str) -> Vec<(String, String, String)> {
    let mut blocks = Vec::new();
    let mut rest = page;
    while let Some((_, block)) = rest.split_once("\n```") {
        let (language, block) = block.split_once('\n').unwrap();
        let (text, behind) = block.split_once("\n```").expect("a fence that ends");
        let next = behind.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        blocks.push((language.to_owned(), text.to_owned(), next.to_owned()));
        rest = behind;
    }
    blocks
}

fn events(page: &str) -> Events {
    let (_, text, _) = blocks(page).into_iter().find(|(language, ..)| language == "ndjson").unwrap();
    Events { text: text + "\n", ..Events::default() }
}

fn case(query: &str, events: &Events, hits: Vec<Vec<i64>>) -> Case {
    Case {
        file: "docs/eql.md".to_owned(),
        query: query.to_owned(),
        events: events.clone(),
        hits,
        keys: None,
        size: None,
        samples_per_key: 1,
        tiebreaker: None,
        timestamp: "@timestamp".to_owned(),
        category: "event.category".to_owned(),
    }
}

/// `Finds 1 → missing → 3, 4 → 5.`
fn hits(said: &str) -> Vec<Vec<i64>> {
    if said == "nothing" {
        return Vec::new();
    }
    let id =
        |id: &str| if id == "missing" { -1 } else { id.parse().unwrap_or_else(|_| panic!("{id}: {said}")) };
    said.split(", ").map(|hit| hit.split(" → ").map(id).collect()).collect()
}

#[test]
fn every_query_finds_what_the_page_says() {
    let page = page();
    let events = events(&page);
    let mut asked = 0;
    for (_, query, next) in blocks(&page).iter().filter(|(language, ..)| language == "eql") {
        if let Some(title) = next.strip_prefix("Refused: ") {
            let known = Known::of(&events, "@timestamp");
            let faults = ways::compile(query, known.schema(), "event.category").expect_err(query);
            assert_eq!(faults[0].title, title, "{query}");
        } else {
            let said = next.strip_prefix("Finds ").and_then(|said| said.strip_suffix('.'));
            let expected = hits(said.unwrap_or_else(|| panic!("what does it find?\n{query}\n{next}")));
            let case = case(query, &events, expected.clone());
            for (way, found) in [("compiled", ways::compiled(&case)), ("by command", ways::by_command(&case))]
            {
                let found: Vec<Vec<i64>> = found.into_iter().map(|(ids, _)| ids).collect();
                assert_eq!(found, expected, "{way}: {query}");
            }
        }
        asked += 1;
    }
    assert!(asked >= 25, "{asked}");
}

#[test]
fn every_expression_comes_to_what_the_page_says() {
    let page = page();
    let (_, table) = page.split_once("| expression | value |\n|---|---|\n").unwrap();
    let rows: Vec<&str> = table.lines().take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() >= 8, "{rows:?}");
    let one = Events { text: "{\"id\":1}\n".to_owned(), ..Events::default() };
    for row in rows {
        let cells: Vec<&str> =
            row.trim_matches(['|', ' ']).split(" | ").map(|c| c.trim_matches('`')).collect();
        let [expression, value] = cells[..] else { panic!("{row}") };
        for query in asking_for(expression, value) {
            let found = ways::compiled(&case(&query, &one, Vec::new()));
            assert_eq!(found.len(), 1, "{expression} is not {value}: {query}");
        }
    }
}

#[test]
fn the_command_on_the_page_runs() {
    let page = page();
    let (_, line, _) = blocks(&page).into_iter().find(|(language, ..)| language == "sh").unwrap();
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("events.ndjson"), events(&page).text).unwrap();
    let words: Vec<&str> = line.split('\'').collect();
    let [command, query, file] = words[..] else { panic!("{line}") };
    assert_eq!(command, "auditward eql ");
    let (status, out, err) = program::auditward(directory.path(), &["eql", query, file.trim()]);
    assert_eq!((status, out.lines().count()), (0, 1), "{out}{err}");
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Any => "anything",
        Kind::Bool => "truth",
        Kind::Text => "text",
        Kind::Long => "whole number",
        Kind::Number => "number",
        Kind::Ip => "address",
    }
}

fn section(function: &Function) -> String {
    let tilde = if function.insensitive { format!(", `{}~`", function.name) } else { String::new() };
    let mut text =
        format!("**`{}`**{tilde}: {}. {}\n\n", function.usage, kind(function.result), function.doc);
    for (expression, value) in function.examples {
        writeln!(text, "- `{expression}` is `{value}`").unwrap();
    }
    text + "\n"
}

/// The examples themselves are run beside the functions' code, and here by way of the command's language.
#[test]
fn the_functions_are_those_of_the_program() {
    let page = page();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let written = FUNCTIONS.iter().map(|function| section(function)).collect::<String>();
    let expected = format!("{before}{BEGIN}\n{written}{END}{after}");
    if std::env::var_os("AUDITWARD_UPDATE").is_some() {
        std::fs::write(PATH, expected).unwrap();
        return;
    }
    assert_eq!(page, expected, "AUDITWARD_UPDATE=1 cargo test --test eql_page writes it anew");
}
