//! CEF, ArcSight's Common Event Format (version 0): `CEF:0|auditward|auditward|VERSION|RULE|NAME|SEVERITY|key=value …`.
//!
//! In the header `\` and `|` are escaped by a backslash, in the extension `\` and `=` are (ArcSight's guide,
//! "Character Encoding"). What the format leaves open is as everywhere here: control characters are
//! written as [`crate::clean::text`] says, so that a message is one line.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::message::{AlertRef, Notice, Urgency};
use crate::alert::{read, text};
use crate::clean;
use crate::rule::Severity;

/// Lengths of values tried, one after the other, until all fits.
const SHORTER: [usize; 6] = [usize::MAX, 1024, 512, 256, 128, 64];
/// Bytes of the rule's name in the header.
const NAME: usize = 200;

/// Appends the alert in at most `limit` bytes. What does not fit is first cut in the middle of its values, then left
/// out from the end, where what is worth least stands; `flexString1=yes` (labelled `truncated`) says so.
pub(super) fn push_alert(out: &mut Vec<u8>, alert: AlertRef<'_>, limit: usize) {
    let document = alert.facts();
    let name = read::text(&document, "rule.name").unwrap_or_default();
    let header = header(alert.rule_id(), &name, severity(alert.severity()));
    let pairs = pairs(alert, &document);
    for max in SHORTER {
        let mut line = header.clone();
        if max < usize::MAX {
            mark(&mut line);
        }
        pairs.iter().for_each(|(key, value)| put(&mut line, key, value, max));
        if line.len() <= limit {
            return out.extend_from_slice(line.as_bytes());
        }
    }
    let mut line = header;
    mark(&mut line);
    let [.., least] = SHORTER;
    for (key, value) in &pairs {
        let before = line.len();
        put(&mut line, key, value, least);
        if line.len() > limit {
            // A label without what it labels says nothing.
            line.truncate(before);
            break;
        }
    }
    out.extend_from_slice(clean::cut(&line, limit).as_bytes());
}

/// Appends a sentence of the daemon's own.
pub(super) fn push_notice(out: &mut Vec<u8>, notice: &Notice, limit: usize) {
    let severity = if notice.urgency == Urgency::Warning { 5 } else { 1 };
    let mut line = header(notice.topic.word(), "auditward", severity);
    put(&mut line, "rt", &notice.time.as_millisecond().to_string(), usize::MAX);
    let room = limit.saturating_sub(line.len() + 8);
    put_escaped(&mut line, "msg", clean::cut(&notice.text, room));
    out.extend_from_slice(clean::cut(&line, limit).as_bytes());
}

/// 0 to 10.
fn severity(severity: Severity) -> u8 {
    match severity {
        Severity::Low => 3,
        Severity::Medium => 5,
        Severity::High => 8,
        Severity::Critical => 10,
    }
}

fn header(id: &str, name: &str, severity: u8) -> String {
    let escape = |text: &str| {
        let text = clean::text(text.as_bytes()).replace('\\', "\\\\").replace('|', "\\|");
        match text.len() <= NAME {
            true => text,
            // An escape may not be cut in two.
            false => clean::cut(&text, NAME).trim_end_matches('\\').to_owned(),
        }
    };
    format!(
        "CEF:0|auditward|auditward|{}|{}|{}|{severity}|",
        env!("CARGO_PKG_VERSION"),
        escape(id),
        escape(name)
    )
}

fn mark(line: &mut String) {
    put_escaped(line, "flexString1Label", "truncated");
    put_escaped(line, "flexString1", "yes");
}

/// ` key=value`, the value cut in its middle to about `max` bytes.
fn put(line: &mut String, key: &str, value: &str, max: usize) {
    if value.len() <= max {
        return put_escaped(line, key, &clean::text(value.as_bytes()));
    }
    let mut cut = String::new();
    clean::push_ends(&mut cut, value.as_bytes(), max);
    put_escaped(line, key, &cut);
}

fn put_escaped(line: &mut String, key: &str, value: &str) {
    if !line.ends_with('|') {
        line.push(' ');
    }
    line.push_str(key);
    line.push('=');
    for c in value.chars() {
        if matches!(c, '\\' | '=') {
            line.push('\\');
        }
        line.push(c);
    }
}

/// The extension, in the order of worth.
fn pairs<'a>(alert: AlertRef<'a>, document: &'a Map<String, Value>) -> Vec<(&'static str, Cow<'a, str>)> {
    let get = |path| read::text(document, path);
    let facts = text::facts(document);
    let fact = |wanted: &str| {
        let found = facts.iter().find(|(key, _)| *key == wanted);
        found.map(|(_, value)| Cow::Owned(value.clone().into_owned()))
    };
    let args = read::args(document);
    let command = (!args.is_empty()).then(|| {
        let words: Vec<Cow<'_, str>> = args.iter().map(|arg| String::from_utf8_lossy(arg)).collect();
        Cow::Owned(words.join(" "))
    });
    let time = get("@timestamp").and_then(|time| time.parse::<jiff::Timestamp>().ok());
    let label = |text: &'static str| Some(Cow::Borrowed(text));
    let custom = |key, label_key, name, value: Option<Cow<'a, str>>| {
        [(label_key, value.as_ref().and_then(|_| label(name))), (key, value)]
    };
    let mut pairs = vec![
        ("rt", time.map(|time| Cow::Owned(time.as_millisecond().to_string()))),
        ("externalId", Some(Cow::Borrowed(alert.id()))),
        ("flexString2Label", fact("stored").and_then(|_| label("stored"))),
        ("flexString2", fact("stored")),
        ("dvchost", get("host.name")),
        ("msg", get("message")),
        ("act", get("event.action")),
        ("outcome", get("event.outcome")),
        ("suser", get("user.audit.name")),
        ("suid", fact("auid")),
        ("duser", get("user.target.name").or_else(|| get("auditward.target.user.name"))),
        ("duid", get("user.target.id")),
        ("sproc", get("process.executable")),
        ("spid", get("process.pid")),
        ("filePath", get("file.path")),
        ("deviceExternalId", get("host.id")),
    ];
    for more in [
        custom("cn1", "cn1Label", "risk score", get("event.risk_score")),
        custom("cs1", "cs1Label", "audit event", fact("event")),
        custom("cs2", "cs2Label", "session", fact("ses")),
        custom("cs3", "cs3Label", "threat", fact("threat")),
        custom("cs4", "cs4Label", "environment", get("labels.environment")),
        custom("cs5", "cs5Label", "parents", fact("parents")),
        custom("cs6", "cs6Label", "command line", command.or_else(|| get("process.command_line"))),
    ] {
        pairs.extend(more);
    }
    pairs.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

#[cfg(test)]
#[allow(dead_code, reason = "it reads more than CEF")]
#[path = "../../tests/syslog_support/strict.rs"]
mod strict;

#[cfg(test)]
mod tests {
    use super::strict::cef;
    use super::*;
    use crate::alert::{Alert, sample};

    fn written(alert: &Alert, limit: usize) -> String {
        let mut out = Vec::new();
        push_alert(&mut out, AlertRef::Made(alert), limit);
        let text = String::from_utf8(out).expect("UTF-8");
        assert!(text.len() <= limit && !text.contains(|c: char| c.is_control()), "{text}");
        text
    }

    #[test]
    fn what_comes_out_of_the_parser_is_what_went_in() {
        let argument = "a=b|c\\d e=f \u{1b}[31m\nnext";
        let alert = sample::alert(&["usermod", "-u", "0", "-o", "-c", argument, "bob"]);
        let (header, pairs) = cef(&written(&alert, 1 << 20)).expect("CEF");
        let name = alert.rule.name.as_str();
        assert_eq!(
            header,
            ["CEF:0", "auditward", "auditward", env!("CARGO_PKG_VERSION"), "uid0-account-usermod", name, "5"]
        );
        let get = |key: &str| pairs.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str());
        assert_eq!(get("externalId"), Some(&*alert.id));
        assert_eq!(get("rt"), Some("1790000100181"));
        assert_eq!((get("suser"), get("suid"), get("duser")), (Some("alice"), Some("1000"), Some("bob")));
        assert_eq!((get("cs6Label"), get("cn1")), (Some("command line"), Some("47")));
        let command = crate::clean::unescape(get("cs6").expect("a command")).expect("escapes of the table");
        assert_eq!(command, format!("usermod -u 0 -o -c {argument} bob").as_bytes());
        assert!(pairs.iter().all(|(key, _)| key.bytes().all(|b| b.is_ascii_alphanumeric())), "{pairs:?}");
    }

    #[test]
    fn f65_one_that_could_not_be_stored_says_so_however_short() {
        let alert = sample::alert(&["usermod", "-u", "0", "-o", "-c", &"x".repeat(10_000), "bob"]);
        let marks = |limit| {
            let (_, pairs) = cef(&written(&alert, limit)).expect("CEF");
            let get = |key: &str| pairs.iter().find(|(k, _)| k == key).map(|(_, value)| value.clone());
            (get("flexString2Label"), get("flexString2"))
        };
        assert_eq!(marks(1 << 20), (None, None));
        alert.mark_unstored();
        for limit in [1 << 20, 1024, 480] {
            assert_eq!(marks(limit), (Some("stored".to_owned()), Some("no".to_owned())), "{limit}");
        }
    }

    #[test]
    fn a_long_one_is_cut_and_says_so_and_the_facts_stay() {
        let alert = sample::alert(&["usermod", "-u", "0", "-o", "-c", &"=".repeat(100_000), "bob"]);
        for limit in [8192, 2048, 1024, 700, 480] {
            let (_, pairs) = cef(&written(&alert, limit)).expect("CEF");
            let get = |key: &str| pairs.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str());
            assert_eq!((get("flexString1"), get("externalId")), (Some("yes"), Some(&*alert.id)), "{limit}");
            assert_eq!(get("dvchost"), Some("web1"));
            if limit >= 1024 {
                assert_eq!((get("duser"), get("spid")), (Some("bob"), Some("4711")), "{limit}");
            }
        }
    }

    #[test]
    fn a_name_that_ends_in_escapes_is_cut_between_them() {
        let mut rule = sample::rule();
        rule.name = "|".repeat(600);
        let alert = Alert::new(
            &std::sync::Arc::new(rule),
            &[sample::usermod(&["usermod"])],
            &[],
            "h",
            sample::created(),
        );
        let (header, _) = cef(&written(&alert, 8192)).expect("CEF");
        assert!(header[5].len() >= 90 && header[5].chars().all(|c| c == '|'), "{}", header[5]);
    }
}
