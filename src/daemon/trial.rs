//! A rule tried on the events of its own tests, and exceptions tried against what those must find.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use bumpalo::Bump;

use super::intake::Intake;
use crate::audit::Record;
use crate::diagnostic::codes;
use crate::eql::finite::{self, Bounds};
use crate::event::{AuditDocument, FieldId, Held, live_document};
use crate::rule::{Input, Loaded, Rule, TestCase};
use crate::toml_file::MAX_BYTES;

/// What a test came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As expected.
    Passed,
    /// Another number of matches than expected.
    Failed {
        /// How many there were.
        found: u64,
    },
    /// It could not be run.
    Broken(String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("ok"),
            Self::Failed { .. } => f.write_str("FAILED"),
            Self::Broken(_) => f.write_str("BROKEN"),
        }
    }
}

/// Runs one test of `rule`, without its exceptions.
#[must_use]
pub fn run(rule: &Arc<Rule>, test: &TestCase) -> Outcome {
    let arena = Bump::new();
    match events_of(rule, test, &arena) {
        Ok(events) => match found(rule, &events).len() as u64 {
            found if found == test.matches => Outcome::Passed,
            found => Outcome::Failed { found },
        },
        Err(why) => Outcome::Broken(why),
    }
}

/// The matches of `rule` on `events`, by their positions.
fn found(rule: &Rule, events: &[Held<'_>]) -> Vec<Vec<usize>> {
    let found = finite::answer(&rule.program, events, Bounds { size: None, samples_per_key: 1 });
    found.into_iter().map(|found| found.events.into_iter().flatten().collect()).collect()
}

/// The events of `test`, with what `rule` and its exceptions ask of them.
fn events_of<'a>(rule: &Rule, test: &TestCase, arena: &'a Bump) -> Result<Vec<Held<'a>>, String> {
    let mut wanted = rule.program.fields().to_vec();
    wanted.extend(rule.exceptions.iter().flat_map(|applied| applied.exception.fields()));
    match &test.input {
        Input::Records(records) => records_as_events(records, &wanted, arena),
        Input::Events(events) => documents_as_events(events, &wanted, arena),
        Input::File(file) => events(&read(rule, file)?, &wanted, arena),
    }
}

/// The events in `text`, audit records or JSON documents, as far as the `wanted` fields go.
///
/// # Errors
/// A line is neither.
pub fn events<'a>(text: &str, wanted: &[FieldId], arena: &'a Bump) -> Result<Vec<Held<'a>>, String> {
    match text.trim_start().starts_with('{') {
        true => documents_as_events(text, wanted, arena),
        false => records_as_events(text, wanted, arena),
    }
}

fn records_as_events<'a>(text: &str, wanted: &[FieldId], arena: &'a Bump) -> Result<Vec<Held<'a>>, String> {
    let mut intake = Intake::for_replay();
    let mut held = Vec::new();
    let mut emit = |event: &AuditDocument<'_>| held.push(Held::copy(event, wanted, arena));
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Err(error) = Record::from_log_line(line.as_bytes()) {
            return Err(format!("not an audit record ({error}): {}", crate::clean::cut(line, 60)));
        }
        intake.line(line.as_bytes(), 0, &mut emit);
    }
    intake.finish(&mut emit);
    Ok(held)
}

fn documents_as_events<'a>(text: &str, wanted: &[FieldId], arena: &'a Bump) -> Result<Vec<Held<'a>>, String> {
    let lines = text.lines().zip(0_u64..).filter(|(line, _)| !line.trim().is_empty());
    let read = |(line, number): (&str, u64)| match serde_json::from_str(line) {
        Ok(document) => Ok(live_document::read(&document, wanted, number, arena)),
        Err(error) => Err(format!("event {}: not a JSON document: {error}", number + 1)),
    };
    lines.map(read).collect()
}

/// A test's file, beside the rule's.
fn read(rule: &Rule, file: &Path) -> Result<String, String> {
    let beside = rule.path.as_deref().and_then(Path::parent).map(|folder| folder.join(file));
    let path = beside.unwrap_or_else(|| file.to_owned());
    let told = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    let size = std::fs::metadata(&path).map_err(told)?.len();
    if size > 16 * MAX_BYTES {
        return Err(format!("{} is too large for a test", path.display()));
    }
    std::fs::read_to_string(&path).map_err(told)
}

/// Takes out every exception that would silence what a test of its rule must find, and tells it as an
/// error.
pub fn refuse_silencing(loaded: &mut Loaded) {
    let Loaded { rules, diagnostics, .. } = loaded;
    for rule in rules.iter_mut().filter(|rule| !rule.exceptions.is_empty()) {
        let mut silenced: Vec<(usize, String)> = Vec::new();
        for test in rule.tests.iter().filter(|test| test.matches > 0) {
            let arena = Bump::new();
            let events = events_of(rule, test, &arena).unwrap_or_default();
            for positions in found(rule, &events) {
                let row: Vec<&Held<'_>> = positions.iter().filter_map(|at| events.get(*at)).collect();
                // Tests are old: the day on which an exception ends is not looked at.
                let takes = |at: &usize| {
                    rule.exceptions.get(*at).is_some_and(|applied| applied.holds(rule, &row, i64::MIN))
                };
                for at in (0..rule.exceptions.len()).filter(takes) {
                    if silenced.iter().all(|(known, _)| *known != at) {
                        silenced.push((at, test.name.clone()));
                    }
                }
            }
        }
        for (at, test) in &silenced {
            let Some(exception) = rule.exceptions.get(*at).map(|applied| &applied.exception) else {
                continue;
            };
            let title = format!(
                "the exception {} is refused: it would silence what the rule {} must find (its test `{test}`)",
                exception.id, rule.id
            );
            let help = "narrow it until only what is known to be harmless fits".to_owned();
            diagnostics.push(*exception.fault(codes::EXCEPTION_SILENCES, title, exception.place, Some(help)));
        }
        if let Some(rule) = Arc::get_mut(rule) {
            let mut at = 0..;
            rule.exceptions.retain(|_| at.next().is_none_or(|at| silenced.iter().all(|(bad, _)| *bad != at)));
        }
    }
}
