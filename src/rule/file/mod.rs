//! One rule file: `[metadata]`, `[rule]`, `[[rule.threat]]`, `[transform]`, `[auditward]`.
//!
//! The keys are those of Elastic's detection-rules (its schema's, as seen in 2,192 of its rules), the
//! defaults Kibana's. docs/rule-files.md lists them for rule authors.

use std::borrow::Cow;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

mod other_keys;
mod own;

use own::{Own, read_own};

use super::policy::{Override, Policy};
use super::query::{self, Compiled};
use super::{
    Indices, Investigate, Metadata, Osquery, Rule, Severity, SkipReason, Suppression, Technique, Threat,
    ThreatItem, Timeline,
};
use crate::diagnostic::{Diagnostic, Level, Source};
use crate::eql::Kind;
use crate::eql::narrow::Added;
use crate::event::Schema;
use crate::toml_file::{Codes, Faults, Placed, Table};

/// The longest `rule.id`, which is also the syslog MSGID (RFC 5424, 6.2.7).
const LONGEST_ID: usize = 32;

/// What a rule file gave.
pub(super) enum Reading {
    /// A rule that can run.
    Rule(Box<Rule>),
    /// Nothing wrong, nothing to run.
    Skipped {
        /// `name`.
        name: Option<String>,
        /// `rule_id`.
        uuid: Option<String>,
        /// Why.
        reason: SkipReason,
    },
    /// Its errors are among the faults.
    Faulty,
}

/// Where a rule's text comes from.
pub(super) struct Origin<'a> {
    /// `embedded`, `vendor`, `site`, or the path given.
    pub(super) ruleset: &'a str,
    /// The file; none for embedded rules.
    pub(super) path: Option<&'a Path>,
}

/// Reads a rule file's text; every fault comes back with its place.
pub(super) fn read(
    source: &Arc<Source>,
    origin: &Origin<'_>,
    schema: &dyn Schema,
    policy: &Policy,
) -> (Reading, Vec<Diagnostic>) {
    let faults = Faults::new(Arc::clone(source), Codes::RULE, Level::Warning);
    let reading = read_tree(&faults, origin, schema, policy);
    let faults = faults.finish();
    // A fault of an override costs the override, not the rule.
    let of_override = |fault: &Diagnostic| {
        let same = |change: &Override| fault.source.as_ref().is_some_and(|s| Arc::ptr_eq(s, &change.source));
        policy.overrides.iter().any(same)
    };
    let failed = faults.iter().any(|fault| fault.level == Level::Error && !of_override(fault));
    (if failed { Reading::Faulty } else { reading }, faults)
}

/// Every `type` that Kibana knows.
const KINDS: [&str; 8] =
    ["eql", "query", "saved_query", "threshold", "new_terms", "threat_match", "machine_learning", "esql"];

fn read_tree(faults: &Faults, origin: &Origin<'_>, schema: &dyn Schema, policy: &Policy) -> Reading {
    let Some(tree) = faults.parse() else { return Reading::Faulty };
    let root = faults.root(&tree);
    let Some(rule) = root.table("rule") else {
        if !root.has("rule") && root.has("metadata") {
            root.missing("rule");
        }
        return Reading::Skipped { name: None, uuid: None, reason: SkipReason::NoRule };
    };
    let metadata = root.table("metadata").map(read_metadata).unwrap_or_default();
    let own = root.table("auditward").map(read_own).unwrap_or_default();
    if let Some(reading) = not_run(&rule, &metadata, &own, policy) {
        return reading;
    }
    let (osquery, investigate) = root.table("transform").map(read_transform).unwrap_or_default();
    let read = read_rule(rule, own, origin, schema, policy);
    root.done();
    match read {
        Some(rule) => Reading::Rule(Box::new(Rule { metadata, osquery, investigate, ..rule })),
        None => Reading::Faulty,
    }
}

/// Rules of other engines and those switched off: named, not judged further.
fn not_run(rule: &Table<'_>, metadata: &Metadata, own: &Own, policy: &Policy) -> Option<Reading> {
    let text = |key| rule.text(key).map(|text| text.value.into_owned());
    let (name, uuid) = (text("name"), text("rule_id"));
    let id = own.id.clone().unwrap_or_else(|| short_id(&rule.faults().source().name));
    let switch = policy.overrides_for(uuid.as_deref().unwrap_or_default(), &id);
    let switch = switch.filter_map(|change| change.enabled.map(|enabled| (change, enabled))).last();
    let kind = rule.text("type");
    let reason = match kind {
        Some(kind) if !KINDS.contains(&kind.value.as_ref()) => {
            let help = did_you_mean(&kind.value, &KINDS, "write `eql`");
            rule.faults().value("there is no such rule type", kind.span, help);
            return None;
        }
        Some(kind) if kind.value != "eql" => SkipReason::OtherEngine { kind: kind.value.into_owned() },
        _ => match switch {
            Some((_, (true, _))) => return None,
            Some((change, (false, place))) => {
                let told = change.overridden("enabled", String::new(), place);
                SkipReason::Disabled { by: Some(format!("{}:{}", told.file.display(), told.line)) }
            }
            None if rule.boolean("enabled").is_some_and(|enabled| !enabled.value) => {
                SkipReason::Disabled { by: None }
            }
            None if metadata.maturity.as_deref() == Some("deprecated") => SkipReason::Retired,
            None => return None,
        },
    };
    Some(Reading::Skipped { name, uuid, reason })
}

fn read_metadata(table: Table<'_>) -> Metadata {
    let metadata = Metadata {
        creation_date: text(&table, "creation_date"),
        updated_date: text(&table, "updated_date"),
        maturity: text(&table, "maturity"),
        integration: texts(&table, "integration"),
        min_stack_version: text(&table, "min_stack_version"),
        min_stack_comments: text(&table, "min_stack_comments"),
    };
    // For people and for the release tools of the rules' repository.
    for key in [
        "bypass_bbr_timing",
        "comments",
        "deprecated_reason",
        "deprecation_date",
        "extended",
        "os_type_list",
        "promotion",
        "query_schema_validation",
        "related_endpoint_rules",
    ] {
        table.known(key);
    }
    table.done();
    metadata
}

fn read_transform(table: Table<'_>) -> (Vec<Osquery>, Vec<Investigate>) {
    let osquery = table.tables("osquery").into_iter().filter_map(|entry| {
        let (label, query) = (entry.required_text("label"), entry.required_text("query"));
        entry.known("ecs_mapping");
        entry.done();
        Some(Osquery { label: owned(label?), query: owned(query?) })
    });
    let osquery = osquery.collect();
    let investigate = table.tables("investigate").into_iter().filter_map(|entry| {
        let label = entry.required_text("label");
        let description = text(&entry, "description").unwrap_or_default();
        for key in ["providers", "relativeFrom", "relativeTo"] {
            entry.known(key);
        }
        entry.done();
        Some(Investigate { label: owned(label?), description })
    });
    let investigate = investigate.collect();
    table.done();
    (osquery, investigate)
}

fn version(table: &Table<'_>) -> Option<u64> {
    table.integer("version", 1..=i64::MAX).and_then(|version| u64::try_from(version.value).ok())
}

/// A text without the blanks at its end; empty where there is none.
fn trimmed(table: &Table<'_>, key: &'static str) -> String {
    let mut text = text(table, key).unwrap_or_default();
    text.truncate(text.trim_end().len());
    text
}

/// The rule's own table. All of it is read before anything missing ends the matter, so that every
/// fault is told.
fn read_rule(
    table: Table<'_>,
    own: Own,
    origin: &Origin<'_>,
    schema: &dyn Schema,
    policy: &Policy,
) -> Option<Rule> {
    let faults = table.faults();
    let uuid = table.required_text("rule_id");
    let name = table.required_text("name");
    let description = table.required_text("description");
    let severity = severity(&table);
    let risk_score = risk_score(&table);
    let kind = table.required_text("type");
    language(&table);
    let query = table.required_text("query");
    let placed = query.as_ref().map(|query| Placed { value: query.value.as_ref(), span: query.span });
    let compiled = placed.and_then(|query| query::compile(faults, &query, schema, &policy.lists));
    let (from, interval, window) = schedule(&table);
    let max_signals = max_signals(&table);
    let version = version(&table).or(own.version).unwrap_or(1);
    let (timeline, suppression) = (timeline(&table), suppression(&table));
    let investigation_fields = table.table("investigation_fields").map(|fields| {
        let names = texts(&fields, "field_names");
        fields.done();
        names
    });
    let [author, index, tags, references, false_positives] =
        ["author", "index", "tags", "references", "false_positives"].map(|key| texts(&table, key));
    let [license, note, setup] = ["license", "note", "setup"].map(|key| trimmed(&table, key));
    let threat = table.tables("threat").into_iter().filter_map(threat).collect();
    let timestamp_override = text(&table, "timestamp_override");
    let building_block = building_block(&table);
    let (filters, exception_lists) = (other_keys::filters(&table), other_keys::exception_lists(&table));
    other_keys::other_keys(&table);
    table.done();
    let (_, compiled) = (kind?, compiled?);
    let (uuid, id) = (owned(uuid?), own.id.unwrap_or_else(|| short_id(&faults.source().name)));
    let changes: Vec<_> = policy.overrides_for(&uuid, &id).collect();
    let compiled = narrowed(faults, compiled, filters, &changes, schema);
    let Compiled { program, text: effective, not_live } = compiled;
    let mut rule = Rule {
        uuid: uuid.clone(),
        id: id.clone(),
        group: own.group,
        milder: own.milder,
        name: owned(name?),
        description: description?.value.trim().to_owned(),
        author,
        license,
        version,
        severity: severity?,
        risk_score: risk_score?,
        index: Indices::new(index),
        from,
        interval,
        window,
        max_signals,
        tags,
        references,
        false_positives,
        note,
        setup,
        threat,
        metadata: Metadata::default(),
        timestamp_override,
        building_block,
        timeline,
        suppression,
        investigation_fields: investigation_fields.unwrap_or_default(),
        osquery: Vec::new(),
        investigate: Vec::new(),
        query: owned(query?),
        effective,
        tests: own.tests,
        exceptions: Vec::new(),
        overridden: Vec::new(),
        exception_lists,
        program,
        not_live,
        ruleset: origin.ruleset.to_owned(),
        path: origin.path.map(Path::to_owned),
        source: Arc::clone(faults.source()),
        in_line: OnceLock::new(),
    };
    changes.iter().for_each(|change| change.apply(&mut rule));
    Some(rule)
}

/// The query with the conditions of filters and overrides; one that does not fit it is told.
fn narrowed(
    faults: &Faults,
    compiled: Compiled,
    mut added: Vec<Added>,
    changes: &[&Override],
    schema: &dyn Schema,
) -> Compiled {
    let (items, event_query) = (compiled.program.items(), compiled.program.kind() == Kind::Event);
    for change in changes {
        match change.misplaced(items, event_query) {
            Some(fault) => faults.push(*fault),
            None => added.extend(change.added.as_ref().map(|(added, _)| added.clone())),
        }
    }
    if added.is_empty() {
        return compiled;
    }
    match query::narrow(&compiled.text, &added, schema) {
        Ok(compiled) => compiled,
        // Better an alert too many than a rule that is off.
        Err(found) => {
            let help = "the rule runs without the conditions of its filters and overrides";
            for fault in found {
                faults.push(Diagnostic { level: Level::Warning, help: Some(help.to_owned()), ..fault });
            }
            compiled
        }
    }
}

/// `max_signals`, 100 when absent.
pub(super) fn max_signals(table: &Table<'_>) -> u64 {
    table.integer("max_signals", 1..=i64::MAX).map_or(100, |most| most.value.unsigned_abs())
}

pub(super) fn severity(table: &Table<'_>) -> Option<Severity> {
    let word = table.required_text("severity")?;
    let severity = word.value.parse().ok();
    if severity.is_none() {
        let words = Severity::ALL.map(Severity::word);
        let help = did_you_mean(&word.value, &words, "write low, medium, high or critical");
        table.faults().value("there is no such severity", word.span, help);
    }
    severity
}

pub(super) fn risk_score(table: &Table<'_>) -> Option<u8> {
    if !table.has("risk_score") {
        table.missing("risk_score");
    }
    table.integer("risk_score", 0..=100).and_then(|score| u8::try_from(score.value).ok())
}

fn language(table: &Table<'_>) {
    if let Some(language) = table.text("language").filter(|language| language.value != "eql") {
        table.faults().value("an eql rule in another language", language.span, "write `eql`");
    }
}

/// `from`, `interval`, and the interval's length. Events are matched as they come, so a fault here
/// costs nobody the rule: it is told, and Kibana's default stands.
fn schedule(table: &Table<'_>) -> (String, String, Duration) {
    let warn = |at: &Placed<Cow<'_, str>>, title: &str, help: &str| {
        let code = Codes::RULE.value;
        table.faults().add(code, Level::Warning, title.to_owned(), at.span, "", Some(help.to_owned()));
    };
    let from = table.text("from").filter(|from| {
        let sound = is_date_math(&from.value);
        if !sound {
            warn(from, "`rule.from` is no point in time", "write it as `now-9m`; now-6m is assumed");
        }
        sound
    });
    let interval = table.text("interval").and_then(|interval| {
        let length = length_of_time(&interval.value);
        if length.is_none() {
            warn(&interval, "`rule.interval` is no length of time", "write it as `5m`, which is assumed");
        }
        Some((interval.value.into_owned(), length?))
    });
    let (interval, window) = interval.unwrap_or_else(|| ("5m".to_owned(), Duration::from_secs(300)));
    (from.map_or_else(|| "now-6m".to_owned(), |from| from.value.into_owned()), interval, window)
}

/// `30s`, `5m`, `24h`, `7d`.
fn length_of_time(text: &str) -> Option<Duration> {
    let unit = match text.as_bytes().last()? {
        b's' => 1,
        b'm' => 60,
        b'h' => 3_600,
        b'd' => 86_400,
        _ => return None,
    };
    let digits = text.get(..text.len() - 1)?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count = digits.parse::<u64>().ok().filter(|count| *count > 0)?;
    count.checked_mul(unit).map(Duration::from_secs)
}

/// `now`, `now-9m`, `now-1d/d`: Elasticsearch's date math, as far as a rule's `from` has it.
fn is_date_math(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("now") else { return false };
    let rest = match rest.split_once('/') {
        Some((rest, unit)) if unit.len() == 1 && "yMwdhHms".contains(unit) => rest,
        Some(_) => return false,
        None => rest,
    };
    rest.is_empty() || rest.strip_prefix('-').is_some_and(|back| length_of_time(back).is_some())
}

fn timeline(table: &Table<'_>) -> Option<Timeline> {
    let (id, title) = (text(table, "timeline_id"), text(table, "timeline_title"));
    Some(Timeline { id: id?, title: title.unwrap_or_default() })
}

/// `building_block_type`, whose only value is `default`.
fn building_block(table: &Table<'_>) -> bool {
    let Some(kind) = table.text("building_block_type") else { return false };
    if kind.value != "default" {
        table.faults().value("there is no such building block type", kind.span, "write `default`");
    }
    true
}

pub(super) fn suppression(table: &Table<'_>) -> Option<Suppression> {
    let table = table.table("alert_suppression")?;
    let group_by = texts(&table, "group_by");
    if !(1..=3).contains(&group_by.len()) {
        let place = table.place("group_by").unwrap_or(table.span());
        let title = "alerts are suppressed by one to three fields";
        table.faults().value(title, place, "write `group_by = [\"user.name\"]`, at most three names");
    }
    let duration = table.table("duration").and_then(|duration| {
        let (count, unit) = (duration.integer("value", 1..=i64::MAX), duration.text("unit"));
        duration.done();
        let (count, unit) = (count?, unit?);
        let length = length_of_time(&format!("{}{}", count.value, unit.value));
        if length.is_none() {
            table.faults().value("there is no such unit of time", unit.span, "write s, m or h");
        }
        length
    });
    let strategy = table.text("missing_fields_strategy");
    let suppress_missing = strategy.as_ref().is_none_or(|strategy| strategy.value == "suppress");
    if let Some(strategy) = strategy.filter(|word| !suppress_missing && word.value != "doNotSuppress") {
        let help = "write `suppress` or `doNotSuppress`";
        table.faults().value("there is no such strategy for missing fields", strategy.span, help);
    }
    table.done();
    Some(Suppression { group_by, duration, suppress_missing })
}

fn threat(table: Table<'_>) -> Option<Threat> {
    let framework = table.required_text("framework");
    let tactic = table.table("tactic");
    if tactic.is_none() && !table.has("tactic") {
        table.missing("tactic");
    }
    let tactic = tactic.and_then(threat_item);
    let technique = table.tables("technique").into_iter().filter_map(|entry| {
        let subtechnique = entry.tables("subtechnique").into_iter().filter_map(threat_item).collect();
        let ThreatItem { id, name, reference } = threat_item(entry)?;
        Some(Technique { id, name, reference, subtechnique })
    });
    let technique = technique.collect();
    table.done();
    Some(Threat { framework: owned(framework?), tactic: tactic?, technique })
}

fn threat_item(table: Table<'_>) -> Option<ThreatItem> {
    let [id, name, reference] = ["id", "name", "reference"].map(|key| table.required_text(key));
    table.done();
    Some(ThreatItem { id: owned(id?), name: owned(name?), reference: owned(reference?) })
}

/// A file's stem as `rule.id` and MSGID: printable ASCII without blanks, at most 32 characters.
fn short_id(file: &Path) -> String {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let printable = stem.chars().map(|c| if c == ' ' { '_' } else { c }).filter(char::is_ascii_graphic);
    let id: String = printable.take(LONGEST_ID).collect();
    if id.is_empty() { "rule".to_owned() } else { id }
}

fn text(table: &Table<'_>, key: &'static str) -> Option<String> {
    table.text(key).map(owned)
}

fn texts(table: &Table<'_>, key: &'static str) -> Vec<String> {
    table.texts(key).into_iter().map(owned).collect()
}

fn owned(text: Placed<Cow<'_, str>>) -> String {
    text.value.into_owned()
}

fn did_you_mean(word: &str, words: &[&str], otherwise: &str) -> String {
    match crate::toml_file::nearest(word, words) {
        Some(near) => format!("did you mean `{near}`?"),
        None => otherwise.to_owned(),
    }
}

#[cfg(test)]
mod tests;
