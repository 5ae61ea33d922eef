//! `[[auditward.test]]`: what a rule must find, and what it must not.

use std::path::PathBuf;

use crate::diagnostic::Span;
use crate::toml_file::Table;

/// One test of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestCase {
    /// What it shows.
    pub name: String,
    /// The events.
    pub input: Input,
    /// How many alerts the rule must give on them.
    pub matches: u64,
    /// Where it stands in the rule's file.
    pub place: Span,
}

/// The events of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Audit records, as a log has them.
    Records(String),
    /// ECS documents, one a line.
    Events(String),
    /// A file of either, told apart by its content; beside the rule's file unless absolute.
    File(PathBuf),
}

/// Reads one test; none when it has faults, which are told.
pub(super) fn read(table: Table<'_>) -> Option<TestCase> {
    let faults = table.faults();
    let name = table.required_text("name");
    let text = |key| table.text(key).map(|text| text.value.into_owned());
    let inputs = [
        text("records").map(Input::Records),
        text("events").map(Input::Events),
        text("file").map(|file| Input::File(file.into())),
    ];
    let mut inputs: Vec<Input> = inputs.into_iter().flatten().collect();
    if inputs.len() != 1 {
        let help = "write one of `records` (lines of an audit log), `events` (JSON documents) and `file`";
        faults.value("a test has one source of events", table.span(), help);
    }
    if !table.has("matches") {
        table.missing("matches");
    }
    let matches = table.integer("matches", 0..=1_000_000).map(|matches| matches.value.unsigned_abs());
    let place = table.span();
    table.done();
    let input = if inputs.len() == 1 { inputs.pop() } else { None };
    Some(TestCase { name: name?.value.into_owned(), input: input?, matches: matches?, place })
}
