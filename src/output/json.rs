//! An alert as one line of JSON, also where it must be short: cut JSON is no JSON, so values are
//! shortened and fields left out, in the order of their worth, until the whole fits.

use serde_json::{Map, Value, json};

use super::message::{AlertRef, Notice};
use crate::alert::json::{self, Charset, push, push_object};
use crate::alert::text;
use crate::clean;

/// String lengths tried while every field is kept.
const SHORTER: [usize; 4] = [4096, 2048, 1024, 512];
/// String lengths tried once the fields of [`EXPENDABLE`] are gone.
const SHORTEST: [usize; 3] = [256, 128, 64];
/// String lengths tried when only the [`ESSENTIAL`] is left; the message is shortened too.
const ESSENTIAL_SHORTER: [usize; 5] = [256, 128, 64, 48, 36];
/// A third of the message's length when there is room for hardly more.
const LEAST_MESSAGE: [usize; 4] = [64, 48, 32, 20];
/// What is left out first, in this order.
const EXPENDABLE: [&str; 18] = [
    "auditward.triage.related",
    "auditward.triage.users",
    "auditward.triage.guide",
    "auditward.triage.processes",
    "auditward.events",
    "auditd.paths",
    "auditd.data",
    "process.title",
    "process.command_line",
    "rule.description",
    "rule.license",
    "rule.author",
    "rule.reference",
    "auditward.original_event",
    "threat.technique.subtechnique.reference",
    "threat.technique.reference",
    "threat.tactic.reference",
    "tags",
];
/// What is kept when nothing else fits.
const ESSENTIAL: [&str; 18] = [
    "event.kind",
    "event.severity",
    "event.risk_score",
    "event.id",
    "user.id",
    "user.audit.id",
    "process.pid",
    "process.executable",
    "process.args",
    "process.args_count",
    "host.name",
    "auditd.session",
    "auditward.audit_id",
    "auditward.case",
    "auditward.rules",
    "rule.name",
    "rule.uuid",
    "rule.id",
];

/// Appends the alert's document as one line of JSON of at most `limit` bytes, without line end; with
/// `ascii`, every character beyond ASCII as `\uXXXX`.
///
/// Where it does not fit, `truncated` is true, `auditward.original_bytes` the length of the whole,
/// `auditward.left_out` names the fields that are missing; long strings read
/// `begin...[100000 bytes]...end`, long lists hold `...[9980 values]...` in their middle.
pub(crate) fn push_alert(out: &mut Vec<u8>, alert: AlertRef<'_>, limit: usize, charset: Charset) {
    let start = out.len();
    match charset {
        Charset::Utf8 => out.extend_from_slice(alert.json().as_bytes()),
        Charset::Ascii => json::push_ascii(out, &alert.json()),
    }
    let bytes = out.len() - start;
    if bytes > limit {
        let mut short = Vec::with_capacity(limit);
        shorten(alert, bytes, limit, charset, &mut short);
        out.truncate(start);
        out.extend_from_slice(&short);
    }
}

/// What is the same in every notice, or follows from the rest.
const COMMON: [&str; 4] = ["agent", "ecs", "data_stream", "log"];

/// Bytes of a sentence that say something still.
const LEAST_SENTENCE: usize = 60;

/// Appends the notice as one line of JSON in ASCII of at most `limit` bytes. Where it does not fit, its sentence is cut; where
/// hardly anything of it would be left, what every notice says is left out first.
pub(super) fn push_notice(out: &mut Vec<u8>, notice: &Notice, limit: usize) {
    let start = out.len();
    let mut document = notice.document();
    push_object(out, &document, Charset::Ascii);
    if out.len() - start <= limit {
        return;
    }
    for left_out in [&[][..], &COMMON] {
        left_out.iter().for_each(|key| _ = document.shift_remove(*key));
        let mut write = |sentence: &str| {
            document.insert("message".to_owned(), sentence.into());
            out.truncate(start);
            push_object(out, &document, Charset::Ascii);
            limit.saturating_sub(out.len() - start)
        };
        let room = write("...");
        let cut = clean::cut(&notice.text, written_within(&notice.text, room));
        write(&format!("{cut}..."));
        if cut.len() >= LEAST_SENTENCE {
            return;
        }
    }
}

/// How many bytes of `text` take at most `room` as JSON in ASCII.
fn written_within(text: &str, room: usize) -> usize {
    let (mut one, mut left, mut character) = (Vec::new(), room, [0; 4]);
    for (at, c) in text.char_indices() {
        one.clear();
        clean::push_json(&mut one, c.encode_utf8(&mut character), true);
        match left.checked_sub(one.len() - "\"\"".len()) {
            Some(rest) => left = rest,
            None => return at,
        }
    }
    text.len()
}

/// Tries, each time from the whole document, ever shorter forms until one fits.
fn shorten(alert: AlertRef<'_>, bytes: usize, limit: usize, charset: Charset, out: &mut Vec<u8>) {
    let whole = &alert.document();
    let mut fits = |document: &Map<String, Value>, max: usize, left_out: &[&str]| {
        let mut short = document.clone();
        shorten_object(&mut short, max, true);
        if left_out == ["*"] {
            shorten_message(alert, whole, &mut short, max);
        }
        out.clear();
        push_object(out, &marked(&short, bytes, left_out), charset);
        out.len() <= limit
    };
    let [.., least] = SHORTER;
    if SHORTER.into_iter().any(|max| fits(whole, max, &[])) {
        return;
    }
    let mut document = whole.clone();
    let mut left_out: Vec<&str> = Vec::new();
    for path in EXPENDABLE {
        if remove(&mut document, path) {
            left_out.push(path);
            if fits(&document, least, &left_out) {
                return;
            }
        }
    }
    if SHORTEST.into_iter().any(|max| fits(&document, max, &left_out)) {
        return;
    }
    let document = essential(whole);
    if ESSENTIAL_SHORTER.into_iter().any(|max| fits(&document, max, &["*"])) {
        return;
    }
    // Hardly any room: a sentence and the id, then the id alone.
    for max in LEAST_MESSAGE {
        let mut least = json!({ "@timestamp": whole.get("@timestamp"), "message": "", "truncated": true });
        if let Some(least) = least.as_object_mut() {
            shorten_message(alert, whole, least, max);
            least.insert("event".to_owned(), json!({ "id": alert.id() }));
            out.clear();
            push_object(out, least, charset);
            if out.len() <= limit {
                return;
            }
        }
    }
    out.clear();
    push(out, &json!({ "truncated": true, "event": { "id": alert.id() } }), charset);
}

/// The document with the marks of one that is not whole, after time and message.
fn marked(document: &Map<String, Value>, bytes: usize, left_out: &[&str]) -> Map<String, Value> {
    let mut out = Map::new();
    for (key, value) in document {
        out.insert(key.clone(), value.clone());
        if key == "message" {
            out.insert("truncated".to_owned(), true.into());
        }
    }
    out.insert("truncated".to_owned(), true.into());
    let own = out.entry("auditward").or_insert_with(|| json!({}));
    if let Some(own) = own.as_object_mut() {
        own.insert("original_bytes".to_owned(), bytes.into());
        if !left_out.is_empty() {
            own.insert("left_out".to_owned(), left_out.iter().copied().collect());
        }
    }
    out
}

/// Shortens all strings longer than `max` bytes and all lists of more than `max / 8` values; not
/// `message`, whose length is bounded where it is made.
fn shorten_object(map: &mut Map<String, Value>, max: usize, top: bool) {
    for (key, value) in map.iter_mut() {
        if !(top && key == "message") {
            shorten_value(value, max);
        }
    }
}

fn shorten_value(value: &mut Value, max: usize) {
    match value {
        Value::String(s) if s.len() > max => *s = shorten_string(s, max),
        Value::Array(list) => {
            let keep = (max / 8).max(4);
            if list.len() > keep {
                let (head, tail) = (keep / 2, keep / 2);
                let gap = format!("...[{} values]...", list.len() - head - tail);
                list.splice(head..list.len() - tail, [Value::String(gap)]);
            }
            list.iter_mut().for_each(|item| shorten_value(item, max));
        }
        Value::Object(map) => shorten_object(map, max, false),
        _ => {}
    }
}

/// Begin and end of `s`, together at most `max` bytes, its length between; `s` itself where that
/// would be no shorter.
fn shorten_string(s: &str, max: usize) -> String {
    let (mut head, mut tail) = (max / 2, s.len() - max / 2);
    while !s.is_char_boundary(head) {
        head -= 1;
    }
    while !s.is_char_boundary(tail) {
        tail += 1;
    }
    let (begin, end) = (s.get(..head).unwrap_or_default(), s.get(tail..).unwrap_or_default());
    let short = format!("{begin}...[{} bytes]...{end}", s.len());
    if short.len() < s.len() { short } else { s.to_owned() }
}

/// The message with less of the command in it; three times as long as other strings, since it says all
/// the rest in short.
fn shorten_message(
    alert: AlertRef<'_>,
    whole: &Map<String, Value>,
    document: &mut Map<String, Value>,
    max: usize,
) {
    let mut message = text::sentence(alert.severity(), whole, max);
    if message.len() > max * 3 {
        message = format!("{}...", clean::cut(&message, max * 3));
    }
    document.insert("message".to_owned(), message.into());
}

/// Removes the field; whether it was there.
fn remove(document: &mut Map<String, Value>, path: &str) -> bool {
    match path.split_once('.') {
        None => document.shift_remove(path).is_some(),
        Some((head, tail)) => {
            document.get_mut(head).and_then(Value::as_object_mut).is_some_and(|inner| remove(inner, tail))
        }
    }
}

/// Time, message and the fields of [`ESSENTIAL`], in the document's order.
fn essential(document: &Map<String, Value>) -> Map<String, Value> {
    fn pick(map: &Map<String, Value>, prefix: &str) -> Map<String, Value> {
        let mut out = Map::new();
        for (key, value) in map {
            let path = format!("{prefix}{key}");
            if ESSENTIAL.contains(&path.as_str()) || matches!(&*path, "@timestamp" | "message") {
                out.insert(key.clone(), value.clone());
            } else if let Value::Object(inner) = value {
                let inner = pick(inner, &format!("{path}."));
                if !inner.is_empty() {
                    out.insert(key.clone(), inner.into());
                }
            }
        }
        out
    }
    pick(document, "")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::alert::{Alert, sample};
    use crate::output::message::{Topic, Urgency};

    fn parse(bytes: &[u8]) -> Value {
        assert!(!String::from_utf8_lossy(bytes).chars().any(clean::is_hidden));
        serde_json::from_slice(bytes).unwrap()
    }

    fn alert_in(alert: &Alert, limit: usize, charset: Charset) -> Vec<u8> {
        let mut out = b"before".to_vec();
        push_alert(&mut out, AlertRef::Made(alert), limit, charset);
        out.split_off(6)
    }

    fn alert(alert: &Alert, limit: usize) -> Vec<u8> {
        alert_in(alert, limit, Charset::Utf8)
    }

    #[test]
    fn a_whole_document_comes_back_as_it_is() {
        let a = sample::alert(&["usermod", "\u{1b}[2A\n\u{202e}", "ä😀"]);
        for charset in [Charset::Utf8, Charset::Ascii] {
            let bytes = alert_in(&a, usize::MAX, charset);
            assert_eq!(parse(&bytes), Value::Object(a.document()));
            assert_eq!(bytes.is_ascii(), charset == Charset::Ascii);
        }
    }

    #[test]
    fn a_long_argument_is_shortened_and_everything_else_kept() {
        let long = "x".repeat(100_000);
        let a = sample::alert(&["usermod", "-u", "0", "-o", "-c", &long, "carol"]);
        let bytes = alert(&a, 8192);
        assert!(bytes.len() <= 8192);
        let cut = parse(&bytes);
        assert_eq!(cut["truncated"], true);
        assert!(cut["auditward"]["original_bytes"].as_u64().unwrap() > 100_000);
        assert!(cut["auditward"].get("left_out").is_none());
        let shown = cut["process"]["args"][5].as_str().unwrap();
        assert!(shown.starts_with("xxx") && shown.contains("...[100000 bytes]...") && shown.ends_with("xxx"));
        assert_eq!(cut["process"]["args"][6], "carol");
        assert_eq!(cut["rule"], a.document()["rule"]);
        assert_eq!(cut["message"], a.document()["message"]);
    }

    #[test]
    fn at_a_kilobyte_the_essential_is_left() {
        let long = "x".repeat(100_000);
        let a = sample::alert(&["usermod", "-u", "0", "-o", "-c", &long, "carol"]);
        let bytes = alert(&a, 1024);
        assert!(bytes.len() <= 1024);
        let cut = parse(&bytes);
        for path in ["event.id", "event.severity", "rule.uuid", "user.audit.id", "process.pid", "host.name"] {
            let get = |d: &Value| crate::alert::read::get(d.as_object().unwrap(), path).cloned();
            assert_eq!(get(&cut), get(&Value::Object(a.document())), "{path}");
        }
        assert_eq!(cut["truncated"], true);
        assert_eq!(cut["@timestamp"], "2026-09-21T14:15:00.181Z");
        let text = String::from_utf8(bytes).unwrap();
        assert!(
            text.starts_with(r#"{"@timestamp":"2026-09-21T14:15:00.181Z","message":"MEDIUM Potential"#),
            "{text}"
        );
        assert!(text.find(r#""truncated":true"#).unwrap() < 900);
    }

    /// Found by fuzzing: with characters that take six bytes each, a notice was longer than what a datagram takes.
    #[test]
    fn a_notice_keeps_the_limit() {
        let time = jiff::Timestamp::from_second(1_790_000_100).unwrap();
        let (topic, urgency) = (Topic::BlindSpot, Urgency::Warning);
        let notice = Notice { topic, text: "\u{fc}".repeat(500), urgency, time };
        let written = |limit| {
            let mut out = b"before".to_vec();
            push_notice(&mut out, &notice, limit);
            let bytes = out.split_off(6);
            (bytes.len(), parse(&bytes))
        };
        assert_eq!(written(1 << 20).1, Value::Object(notice.document()));
        for limit in [160, 200, 480, 2048] {
            let (length, cut) = written(limit);
            assert!(length <= limit, "{length} bytes of {limit}: {cut}");
            assert_eq!(cut["event"]["action"], "blind-spot");
            let message = cut["message"].as_str().unwrap();
            assert!(message.ends_with("..."), "{message}");
            assert_eq!(limit > 1000, cut.get("agent").is_some(), "{limit}: {cut}");
            assert!(length + 12 > limit, "{length} bytes of {limit}: {cut}");
        }
    }

    #[test]
    fn ten_thousand_arguments_keep_both_ends() {
        let mut words = vec!["usermod"; 10_000];
        words.push("bob");
        let cut = parse(&alert(&sample::alert(&words), 8192));
        let args = cut["process"]["args"].as_array().unwrap();
        assert_eq!(args.last().unwrap(), "bob");
        assert!(args.iter().any(|a| a.as_str().unwrap().starts_with("...[9")));
    }

    proptest! {
        #[test]
        fn any_limit_gives_json_that_keeps_it(
            args in prop::collection::vec(any::<String>(), 0..30),
            limit in 480usize..6000,
            ascii in any::<bool>(),
        ) {
            let words: Vec<&str> = args.iter().map(String::as_str).collect();
            let a = sample::alert(&words);
            let bytes = alert_in(&a, limit, if ascii { Charset::Ascii } else { Charset::Utf8 });
            prop_assert!(bytes.len() <= limit, "{} > {}", bytes.len(), limit);
            let cut = parse(&bytes);
            prop_assert_eq!(&cut["event"]["id"], &a.id);
            let changed = cut != Value::Object(a.document());
            prop_assert_eq!(cut.get("truncated").is_some(), changed);
        }
    }
}
