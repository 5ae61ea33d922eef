//! `auditward rules explain`: which clause of a rule was false for an event.

use std::io::Write;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use bumpalo::Bump;

use super::{Set, clean};
use crate::cli::Status;
use crate::daemon::trial;
use crate::diagnostic::{Span, render};
use crate::eql::Options;
use crate::eql::explain::{Clause, Parts, explain};
use crate::event::Schema as _;
use crate::event::document::Document;
use crate::event::schema::Live;
use crate::rule::Rule;

pub(super) fn run(wanted: &str, file: &Path, set: &Set, out: &mut dyn Write) -> anyhow::Result<Status> {
    let rule = set.find(wanted)?;
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let arena = Bump::new();
    let text = String::from_utf8_lossy(&bytes);
    let events = trial::events(&text, rule.program.fields(), &arena)
        .map_err(|why| anyhow!("{}: {why}", file.display()))?;
    let mut all = true;
    for (number, event) in events.iter().enumerate() {
        all &= one(&rule, number + 1, event, out)?;
    }
    if events.is_empty() {
        return Err(anyhow!("{} holds no event", file.display()));
    }
    Ok(if all { Status::Fine } else { Status::NotSo })
}

fn one<D: Document>(rule: &Rule, number: usize, event: &D, out: &mut dyn Write) -> anyhow::Result<bool> {
    let explained = explain(&rule.effective, &Live, &Options::default(), event).map_err(|faults| {
        anyhow!("{}", faults.iter().map(|fault| render(fault, false)).collect::<String>())
    })?;
    // What ends a sequence is no part of it.
    let until = rule.program.until();
    let matches = explained.iter().enumerate().any(|(at, stage)| stage.truth && Some(at) != until);
    writeln!(out, "event {number}: {}", if matches { "matches" } else { "does not match" })?;
    for (at, stage) in explained.iter().enumerate() {
        if explained.len() > 1 {
            let truth = if stage.truth { "matches" } else { "does not match" };
            match until {
                Some(until) if until == at => writeln!(out, "  until: {truth}")?,
                _ => writeln!(out, "  stage {}: {truth}", at + 1)?,
            }
        }
        let (span, truth) = stage.category;
        writeln!(out, "  {} {}", mark(truth), excerpt(rule, span))?;
        clause(rule, &stage.condition, 1, out)?;
    }
    Ok(matches)
}

fn mark(truth: bool) -> &'static str {
    if truth { "true " } else { "FALSE" }
}

/// The text of the query at `span`, on one line.
fn excerpt(rule: &Rule, span: Span) -> String {
    let text = rule.effective.text.get(span.start as usize..span.end as usize).unwrap_or_default();
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = clean(&words.join(" "));
    let short = crate::clean::cut(&text, 100);
    if short.len() < text.len() { format!("{short}…") } else { text }
}

fn clause(rule: &Rule, clause_: &Clause, depth: usize, out: &mut dyn Write) -> std::io::Result<()> {
    let indent = "  ".repeat(depth);
    let truth = mark(clause_.truth);
    let (word, parts) = match &clause_.parts {
        Parts::All(parts) => ("all of", parts.as_slice()),
        Parts::Any(parts) => ("any of", parts.as_slice()),
        Parts::Not(inner) => ("not", std::slice::from_ref(&**inner)),
        Parts::Leaf(values) => {
            writeln!(out, "{indent}{truth} {}", excerpt(rule, clause_.span))?;
            for (field, values) in values {
                let values: Vec<String> = values.iter().map(|value| clean(value)).collect();
                let values = if values.is_empty() { "missing".to_owned() } else { values.join(", ") };
                let short = crate::clean::cut(&values, 300);
                writeln!(out, "{indent}        {} is {short}", Live.name(*field))?;
            }
            return Ok(());
        }
    };
    writeln!(out, "{indent}{truth} {word}")?;
    parts.iter().try_for_each(|part| clause(rule, part, depth + 1, out))
}
