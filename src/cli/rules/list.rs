//! `auditward rules list`: live, partly live, or not, and why.

use std::io::Write;
use std::sync::Arc;

use serde_json::json;

use super::{Format, Set, clean, clean_lines};
use crate::cli::Status;
use crate::daemon::start;
use crate::detect::{Engine, Limits, NEEDS_NOTHING, Span, kernel_needs};
use crate::rule::Rule;

/// What `list` says of one rule.
pub(super) struct Standing {
    pub(super) word: &'static str,
    pub(super) why: Vec<String>,
}

/// Whether `rule` can match here, as the engine has it.
pub(super) fn standing(rule: &Arc<Rule>) -> Standing {
    let engine = || Engine::new(vec![Arc::clone(rule)]).not_live().first().map(|idle| idle.reason.clone());
    if let Some(reason) = rule.not_live.clone().or_else(engine) {
        return Standing { word: "not live", why: vec![reason] };
    }
    let dead = rule.dead_stages();
    let word = if dead.is_empty() { "live" } else { "partly live" };
    let mut why: Vec<String> =
        dead.into_iter().map(|(stage, reason)| format!("stage {stage}: {reason}")).collect();
    let needs = kernel_needs(rule);
    why.extend(
        (!needs.is_empty() && needs != [NEEDS_NOTHING]).then(|| format!("needs {}", needs.join("; "))),
    );
    if matches!(Span::of(rule, &Limits::default()), Some(Span::Configured(_))) {
        let minutes = start::sequence_limits().span / 60_000;
        why.push(format!("no maxspan: bounded to {minutes} minutes by [sequences] span_minutes"));
    }
    Standing { word, why }
}

pub(super) fn run(set: &Set, format: Format, out: &mut dyn Write) -> anyhow::Result<Status> {
    let loaded = set.load();
    let mut counts = [("live", 0), ("partly live", 0), ("not live", 0)];
    for rule in &loaded.rules {
        let Standing { word, why } = standing(rule);
        counts.iter_mut().filter(|(known, _)| *known == word).for_each(|(_, count)| *count += 1);
        match format {
            Format::Text => {
                let why = if why.is_empty() {
                    String::new()
                } else {
                    format!("\n             {}", why.join("\n             "))
                };
                writeln!(
                    out,
                    "{word:11}  {:8}  {}  {}{}",
                    rule.severity.word(),
                    rule.uuid,
                    clean(&rule.name),
                    clean_lines(&why)
                )?;
            }
            Format::Json => {
                let object = json!({
                    "state": word, "why": why, "uuid": rule.uuid, "id": rule.id, "name": rule.name,
                    "severity": rule.severity.word(), "risk_score": rule.risk_score,
                    "file": rule.source.name, "ruleset": rule.ruleset,
                    "kernel_rules": kernel_needs(rule), "tests": rule.tests.len(),
                    "building_block": rule.building_block,
                });
                writeln!(out, "{object}")?;
            }
        }
    }
    for skipped in &loaded.skipped {
        let name = skipped.name.as_deref().unwrap_or("");
        match format {
            Format::Text => {
                let uuid = skipped.uuid.as_deref().unwrap_or("");
                writeln!(out, "{:11}  {:8}  {uuid:36}  {}", "not run", "", clean(name))?;
                writeln!(
                    out,
                    "             {}: {}",
                    clean(&skipped.file.display().to_string()),
                    skipped.reason
                )?;
            }
            Format::Json => {
                let why = [skipped.reason.to_string()];
                let object = json!({"state": "not run", "why": why, "uuid": skipped.uuid, "name": name, "file": skipped.file});
                writeln!(out, "{object}")?;
            }
        }
    }
    if format == Format::Text {
        let [(_, live), (_, partly), (_, not)] = counts;
        let (skipped, errors) = (loaded.skipped.len(), loaded.errors());
        writeln!(
            out,
            "{live} live, {partly} partly live, {not} not live, {skipped} not run, {errors} errors"
        )?;
    }
    Ok(if loaded.errors() > 0 { Status::Error } else { Status::Fine })
}
