//! A ready exception for one alert: conditions on what the kernel says of it, and how many stored alerts would have met them.

use std::io::Write;

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde_json::{Map, Value};

use super::from::From;
use super::show::get;
use crate::clean;
use crate::store::{Query, StoredAlert};

type Fields = Map<String, Value>;

/// What tells one act from another and is the kernel's word, in this order: host, who logged in, as whom, with what.
const FIELDS: [&str; 5] =
    ["host.id", "user.audit.id", "user.id", "process.executable", "process.parent.executable"];

/// Directories in which anybody can put a program under any name (`rule::policy` warns of them).
const WRITABLE: [&str; 3] = ["/tmp/", "/var/tmp/", "/dev/shm/"];

/// The fields that are there, with their values.
fn conditions(fields: &Fields) -> Vec<(&'static str, String)> {
    let value = |name: &'static str| {
        let value = get(fields, name)?.into_owned();
        let open = name.ends_with("executable") && WRITABLE.iter().any(|place| value.starts_with(place));
        (!open).then_some((name, value))
    };
    FIELDS.into_iter().filter_map(value).collect()
}

/// A literal of EQL.
fn literal(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if clean::is_hidden(c) => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A string of TOML.
fn toml(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// Prints the stanza.
///
/// # Errors
/// The stored alerts cannot be read; `out` cannot be written.
pub(super) fn print(alert: &StoredAlert, from: &From, out: &mut dyn Write) -> anyhow::Result<()> {
    let fields = alert.fields();
    let conditions = conditions(&fields);
    let suppressed = count(alert, from, &conditions)?;
    let condition: Vec<_> =
        conditions.iter().map(|(name, value)| format!("{name} == {}", literal(value))).collect();
    let id = alert.id.get(..8).unwrap_or(&alert.id);
    writeln!(
        out,
        "# For a file of /etc/auditward/exceptions.d; then `auditward check` and `auditward reload`."
    )?;
    writeln!(out, "# Of the alerts in the store it would have taken {suppressed}, this one among them.")?;
    if !conditions.iter().any(|(name, _)| name.starts_with("process.")) {
        writeln!(
            out,
            "# No program outside of what anybody can write stands in it: it is wide. Think before using it."
        )?;
    }
    writeln!(out, "[[exception]]")?;
    writeln!(out, "id = {}", toml(&format!("{}-{id}", alert.rule_id)))?;
    writeln!(out, "rules = [{}]", toml(&alert.rule_id))?;
    writeln!(out, "condition = {}", toml(&condition.join(" and ")))?;
    writeln!(out, "reason = \"WHY, with a ticket\"")?;
    writeln!(out, "owner = \"WHO ANSWERS FOR IT\"")?;
    let expires = TimeZone::UTC.to_datetime(Timestamp::now()).date().saturating_add(Span::new().days(90));
    writeln!(out, "expires = {expires}")?;
    Ok(())
}

/// How many stored alerts of the rule meet the conditions.
fn count(alert: &StoredAlert, from: &From, conditions: &[(&str, String)]) -> anyhow::Result<u64> {
    let mut query = Query { rule: Some(alert.rule_id.clone()), ..Query::default() };
    let mut count = 0;
    loop {
        let page = from.page(&query)?;
        let Some(newest) = page.last() else { return Ok(count) };
        query.after = Some(newest.seq);
        for alert in &page {
            let fields = alert.fields();
            let met = |(name, value): &(&str, String)| get(&fields, name).as_deref() == Some(value.as_str());
            count += u64::from(conditions.iter().all(met));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_kernel_says_is_asked_for() {
        use crate::event::Schema as _;
        use crate::event::schema::{Live, Trust, row};

        for name in FIELDS {
            let (id, _) = Live.resolve(name).expect("a field");
            assert_ne!(row(id).expect("a row").trust, Trust::Process, "{name}");
        }
    }

    #[test]
    fn what_anybody_can_write_is_left_out_and_texts_are_quoted() {
        let document = serde_json::json!({
            "user": { "id": "0", "audit": { "id": "1000" } },
            "process": { "executable": "/tmp/x", "parent": { "executable": "/usr/bin/a\"b\\c\u{202e}" } },
        });
        let fields = document.as_object().expect("an object");
        let told: Vec<_> = conditions(fields)
            .into_iter()
            .map(|(name, value)| format!("{name} == {}", literal(&value)))
            .collect();
        assert_eq!(
            told,
            [
                "user.audit.id == \"1000\"",
                "user.id == \"0\"",
                "process.parent.executable == \"/usr/bin/a\\\"b\\\\c\\u{202e}\"",
            ]
        );
    }
}
