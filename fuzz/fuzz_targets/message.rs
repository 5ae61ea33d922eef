//! An alert on an event that says anything, and the daemon's own sentence, in every form in which they go out by syslog:
//! no control character, no more than the limit, and readers that take nothing but what the format allows read back what
//! was written.
#![no_main]

use std::sync::{Arc, LazyLock};

use arbitrary::Arbitrary;
use auditward::alert::Alert;
use auditward::audit::Stamp;
use auditward::clean;
use auditward::event::schema::Live;
use auditward::output::syslog::LEAST_LIMIT;
use auditward::output::{Body, Formatter, Message, Notice, Protocol, Topic, Urgency};
use auditward::rule::{Rule, load};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, json};

#[allow(dead_code)]
#[path = "../../tests/syslog_support/strict.rs"]
mod strict;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    rfc5424: bool,
    body: u8,
    rule: u8,
    /// Above the least limit.
    limit: u16,
    line: u16,
    enterprise: u32,
    millis: i64,
    host: &'a str,
    args: Vec<&'a [u8]>,
    fields: Vec<(u8, &'a str)>,
    notice: Option<&'a str>,
}

/// What the event may say beside its arguments and its host.
const FIELDS: [&str; 20] = [
    "event.action",
    "event.outcome",
    "event.id",
    "process.name",
    "process.executable",
    "process.working_directory",
    "process.parent.name",
    "process.parent.executable",
    "process.title",
    "process.command_line",
    "user.name",
    "user.id",
    "user.audit.name",
    "user.audit.id",
    "user.target.name",
    "user.target.id",
    "file.path",
    "auditd.session",
    "auditd.data.tty",
    "container.id",
];

static RULES: LazyLock<Vec<Arc<Rule>>> = LazyLock::new(|| {
    let long = "|\\".repeat(150);
    ["Plain", "A \u{1b}[2J\\u202e=|] \\\" name", "Umlaut \u{fc} \u{1f980}", &long].map(made).to_vec()
});

fn made(name: &str) -> Arc<Rule> {
    let name = Value::from(name.replace('\u{1b}', "")).to_string();
    let text = format!(
        "[rule]\nrule_id = \"4d2a7b0e-0000-4000-8000-000000000000\"\nname = {name}\ndescription = \"d\"\ntype = \"eql\"\n\
         severity = \"high\"\nrisk_score = 73\ntags = [\"a\", \"\\u001B\"]\nquery = 'any where true'\n"
    );
    let mut loaded = load::text("fuzz.toml", &text, &Live);
    assert_eq!(loaded.rules.len(), 1, "{text}\n{:?}", loaded.diagnostics);
    loaded.rules.remove(0)
}

fuzz_target!(|input: Input<'_>| {
    let formatter = Formatter {
        limit: LEAST_LIMIT + usize::from(input.limit),
        line: usize::from(input.line).max(LEAST_LIMIT),
        enterprise: input.enterprise,
        host: "web1".to_owned(),
        pid: 7,
        zone: Some(TimeZone::UTC),
        ..Formatter::new(if input.rfc5424 { Protocol::Rfc5424 } else { Protocol::Rfc3164 }, body(input.body))
    };
    let millis = input.millis.rem_euclid(253_402_200_000_000);
    let time = Timestamp::from_millisecond(millis).expect("a time before the year 10000");
    let said = match input.notice {
        Some(text) => {
            // As `Outputs::notice` has it.
            let text = clean::cut(&clean::text(text.as_bytes()), 1000).to_owned();
            Said::Notice(Message::Notice(Notice {
                topic: Topic::BlindSpot,
                text,
                urgency: Urgency::Warning,
                time,
            }))
        }
        None => {
            let rules = &*RULES;
            let rule = &rules[usize::from(input.rule) % rules.len()];
            let stamp = Stamp { millis: time.as_millisecond().unsigned_abs(), serial: 7 };
            let alert = Arc::new(Alert::new(rule, &[event(&input)], &[stamp], "h", time));
            Said::Alert(Message::Alert(Arc::clone(&alert)), alert)
        }
    };
    let (Said::Notice(message) | Said::Alert(message, _)) = &said;
    let mut out = Vec::new();
    formatter.push(&mut out, message.level(), message);
    let text = std::str::from_utf8(&out).expect("UTF-8");
    assert!(out.len() <= formatter.limit, "{} bytes of {}: {text}", out.len(), formatter.limit);
    let hidden = |c: char| clean::is_hidden(c) && !(input.rfc5424 && c == '\u{feff}');
    assert!(!text.contains(hidden), "{text:?}");
    let body = match formatter.protocol {
        Protocol::Rfc3164 => strict::rfc3164(&out).unwrap_or_else(|why| panic!("{why}: {text}")).text,
        Protocol::Rfc5424 => {
            // CEF is what the RFC calls MSG-ANY: receivers look for `CEF:` where it begins, so that no BOM stands there.
            let ascii = |c: char| if c.is_ascii() { c } else { '?' };
            let shown = match formatter.body {
                Body::Cef => text.chars().map(ascii).collect(),
                _ => text.to_owned(),
            };
            let read = strict::rfc5424(shown.as_bytes()).unwrap_or_else(|why| panic!("{why}: {text}"));
            assert!(!read.msg.contains(clean::is_hidden), "{text:?}");
            if let Said::Alert(_, alert) = &said {
                structured(&read, alert, &input, formatter.body);
            }
            match (formatter.body, text.find("CEF:0|")) {
                (Body::Cef, Some(at)) => text[at..].to_owned(),
                _ => read.msg,
            }
        }
    };
    written(&body, &formatter, &said, &input);
});

enum Said {
    Notice(Message),
    Alert(Message, Arc<Alert>),
}

fn body(n: u8) -> Body {
    [Body::Text, Body::Json, Body::CeeJson, Body::Cef][usize::from(n) % 4]
}

fn event(input: &Input<'_>) -> Map<String, Value> {
    let mut document = json!({ "host": { "name": input.host, "id": "h" }, "process": { "pid": 4711 } });
    for (field, text) in &input.fields {
        set(&mut document, FIELDS[usize::from(*field) % FIELDS.len()], Value::from(*text));
    }
    let args: Vec<String> = input.args.iter().map(|arg| String::from_utf8_lossy(arg).into_owned()).collect();
    for (n, arg) in input.args.iter().enumerate().filter(|(_, arg)| std::str::from_utf8(arg).is_err()) {
        let hex = arg.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
        set(&mut document, &format!("auditd.data.a{n}_hex"), Value::from(hex));
    }
    set(&mut document, "process.args", Value::from(args));
    document.as_object().cloned().unwrap_or_default()
}

fn set(document: &mut Value, path: &str, value: Value) {
    match path.split_once('.') {
        None => document[path] = value,
        Some((head, tail)) => {
            if !document[head].is_object() {
                document[head] = json!({});
            }
            set(&mut document[head], tail, value);
        }
    }
}

/// Beside a line the structured data has every fact and every argument to the byte, or says that it has not.
fn structured(read: &strict::Rfc5424, alert: &Alert, input: &Input<'_>, body: Body) {
    let Some((id, _)) = read.data.first() else { return };
    assert_eq!(*id, format!("auditward@{}", input.enterprise));
    if body != Body::Text {
        return assert_eq!(read.param("alert"), Some(&*alert.id));
    }
    if read.param("truncated").is_some() {
        return;
    }
    assert_eq!(read.param("alert"), Some(&*alert.id));
    let document = alert.document();
    for (n, arg) in input.args.iter().enumerate() {
        // What looks like a secret has become a token.
        if document["process"]["args"][n] != *String::from_utf8_lossy(arg) {
            continue;
        }
        let told = read.param(&format!("a{n}")).unwrap_or_else(|| panic!("argument {n}: {read:?}"));
        assert_eq!(clean::unescape(told).expect("escapes of the table"), *arg);
    }
}

/// The text behind the header.
fn written(body: &str, formatter: &Formatter, said: &Said, input: &Input<'_>) {
    let parse =
        |json: &str| serde_json::from_str::<Value>(json).unwrap_or_else(|why| panic!("{why}: {json}"));
    match (formatter.body, said) {
        (Body::Text, Said::Alert(_, alert)) => {
            assert!(body.len() <= formatter.line);
            assert!(body == alert.line || alert.line.len() > body.len(), "{body}");
        }
        (Body::Text, Said::Notice(_)) => assert!(body.len() <= formatter.line),
        (Body::Cef, said) => {
            let (header, pairs) = strict::cef(body).unwrap_or_else(|why| panic!("{why}"));
            assert_eq!((header[0].as_str(), header[2].as_str()), ("CEF:0", "auditward"));
            let get =
                |key: &str| pairs.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str());
            if let Said::Alert(_, alert) = said
                && let Some(id) = get("externalId")
            {
                assert_eq!(id, alert.id);
            }
        }
        (form @ (Body::Json | Body::CeeJson), said) => {
            let json = match form {
                Body::CeeJson => body.strip_prefix("@cee: ").expect("the mark"),
                _ => body,
            };
            let read = parse(json);
            if let Said::Alert(_, alert) = said {
                assert_eq!(read["event"]["id"], alert.id.as_str());
                let whole = Value::Object(alert.document());
                assert_eq!(read.get("truncated").is_none(), read == whole, "{json}");
                if read == whole && !input.args.is_empty() {
                    assert!(!alert.document().is_empty());
                }
            }
        }
    }
}
