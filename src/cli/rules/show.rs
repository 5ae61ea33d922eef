//! `auditward rules show`: one rule as it is in force, and which file gave each key.

use std::io::Write;
use std::sync::Arc;

use super::list::{Standing, standing};
use super::{Set, clean};
use crate::cli::Status;
use crate::detect::kernel_needs;
use crate::rule::{Rule, Suppression};

pub(super) fn run(wanted: &str, set: &Set, out: &mut dyn Write) -> anyhow::Result<Status> {
    let rule = set.find(wanted)?;
    head(&rule, out)?;
    schedule(&rule, out)?;
    lists(&rule, out)?;
    writeln!(out, "\nquery, as it is in force:\n{}", block(rule.effective.text.trim()))?;
    for (title, text) in [("set-up", &rule.setup), ("investigation guide", &rule.note)] {
        if !text.is_empty() {
            writeln!(out, "\n{title}:\n{}", block(text))?;
        }
    }
    Ok(Status::Fine)
}

/// A key with its value and the file that it is from.
fn key(rule: &Rule, out: &mut dyn Write, key: &str, value: &str) -> std::io::Result<()> {
    let changes: Vec<_> = rule.overridden.iter().filter(|change| change.key == key).collect();
    let from = match (changes.first(), changes.last()) {
        (Some(first), Some(last)) => {
            format!("{}:{} (the rule's file: {})", last.file.display(), last.line, first.was)
        }
        _ => rule.source.name.display().to_string(),
    };
    writeln!(out, "{key:20}  {:40}  {}", clean(value), clean(&from))
}

fn head(rule: &Arc<Rule>, out: &mut dyn Write) -> std::io::Result<()> {
    key(rule, out, "name", &rule.name)?;
    key(rule, out, "rule_id", &rule.uuid)?;
    writeln!(out, "{:20}  {:40}  syslog MSGID and rule.id", "id", clean(&rule.id))?;
    key(rule, out, "version", &rule.version.to_string())?;
    if let Some(group) = &rule.group {
        key(rule, out, "group", &format!("{group}: what its rules find of one act is one alert"))?;
    }
    key(rule, out, "severity", rule.severity.word())?;
    key(rule, out, "risk_score", &rule.risk_score.to_string())?;
    key(rule, out, "enabled", "true")?;
    key(rule, out, "max_signals", &rule.max_signals.to_string())?;
    let suppression = rule.suppression.as_ref().map_or_else(|| "none".to_owned(), suppression);
    key(rule, out, "alert_suppression", &suppression)?;
    let query =
        if rule.overridden.iter().any(|change| change.key == "query") { "narrowed" } else { "its own" };
    key(rule, out, "query", query)?;
    if let Some(maturity) = &rule.metadata.maturity {
        key(rule, out, "maturity", maturity)?;
    }
    if rule.building_block {
        key(rule, out, "building_block_type", "default: its alerts are stored and page nobody")?;
    }
    for exception in &rule.exceptions {
        let exception = &exception.exception;
        let state = if exception.expired() { " (expired)" } else { "" };
        let line = format!("{:20}  {}{state}: {}", "exception", exception.id, exception.condition);
        writeln!(out, "{}", clean(&line))?;
    }
    let Standing { word, why } = standing(rule);
    writeln!(
        out,
        "{:20}  {word}{}{}",
        "here",
        if why.is_empty() { "" } else { ": " },
        clean(&why.join("; "))
    )?;
    writeln!(out, "{:20}  {}", "kernel", clean(&kernel_needs(rule).join("; ")))
}

fn suppression(suppression: &Suppression) -> String {
    let span =
        suppression.duration.map_or_else(|| "an interval".to_owned(), |span| format!("{} s", span.as_secs()));
    format!("by {} for {span}", suppression.group_by.join(", "))
}

fn schedule(rule: &Rule, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(
        out,
        "{:20}  streaming: each event is matched as it ends; no look-back (`from` is {}); cap: {} alerts \
         in each {}, the rest told as a number",
        "schedule",
        clean(&rule.from),
        rule.max_signals,
        clean(&rule.interval)
    )?;
    let time = rule.timestamp_override.as_deref().unwrap_or("none");
    writeln!(
        out,
        "{:20}  {}; the time of an event is its own @timestamp here",
        "timestamp_override",
        clean(time)
    )
}

fn lists(rule: &Rule, out: &mut dyn Write) -> std::io::Result<()> {
    let lists = [
        ("index", &rule.index.names),
        ("tags", &rule.tags),
        ("references", &rule.references),
        ("author", &rule.author),
        ("false_positives", &rule.false_positives),
        ("exceptions_list", &rule.exception_lists),
    ];
    for (name, values) in lists.into_iter().filter(|(_, values)| !values.is_empty()) {
        let values: Vec<String> = values.iter().map(|value| clean(value.trim())).collect();
        writeln!(out, "{name:20}  {}", values.join(", "))?;
    }
    for threat in &rule.threat {
        let techniques = threat.technique.iter().flat_map(|technique| {
            std::iter::once(technique.id.as_str())
                .chain(technique.subtechnique.iter().map(|sub| sub.id.as_str()))
        });
        let techniques: Vec<&str> = techniques.collect();
        writeln!(
            out,
            "{:20}  {} {}: {}",
            "threat",
            threat.tactic.id,
            clean(&threat.tactic.name),
            clean(&techniques.join(", "))
        )?;
    }
    writeln!(out, "{:20}  {}", "description", clean(&rule.description.replace('\n', " ")))
}

/// `text` with its lines kept and everything else cleaned, set in.
fn block(text: &str) -> String {
    text.lines().map(|line| format!("    {}", clean(line))).collect::<Vec<_>>().join("\n")
}
