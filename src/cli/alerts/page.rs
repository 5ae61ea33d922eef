//! One alert as a page of HTML that needs nothing but itself: no script, no request, and every text escaped.

use std::borrow::Cow;

use anyhow::Context;
use askama::Template;
use serde_json::{Map, Value};

use super::gathered::{self, joined, list};
use super::show::{self, as_it_is, get, shown};
use crate::alert::read;
use crate::clean;
use crate::rule::Rule;
use crate::store::StoredAlert;

type Fields = Map<String, Value>;

/// What stands in `templates/alert.html`, which escapes all of it.
#[derive(Template)]
#[template(path = "alert.html")]
struct Page {
    /// By which the page's own style, and no other, is taken.
    nonce: String,
    title: String,
    severity: String,
    facts: Vec<(String, String)>,
    /// Of each its head and what else is told, the first of the chain first.
    processes: Vec<(String, Vec<String>)>,
    timeline: Vec<(String, String)>,
    roots: Vec<String>,
    users: Vec<User>,
    questions: Vec<Question>,
    related: Vec<String>,
    missing: Vec<String>,
    rule: Vec<(String, String)>,
    blocks: Vec<(&'static str, String)>,
    /// The text, and where it leads.
    links: Vec<(String, Option<String>)>,
}

struct User {
    title: String,
    facts: Vec<(&'static str, String)>,
    sessions: Vec<String>,
    processes: Vec<String>,
}

struct Question {
    title: String,
    query: String,
    why: Option<String>,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// The page.
///
/// # Errors
/// The system gives no random bytes.
pub(super) fn page(alert: &StoredAlert, rule: Option<&Rule>) -> anyhow::Result<String> {
    let fields = alert.fields();
    let nothing = Fields::new();
    let triage = gathered::of(&fields).unwrap_or(&nothing);
    let mut nonce = [0_u8; 16];
    getrandom::fill(&mut nonce).map_err(|error| anyhow::anyhow!("no random bytes: {error}"))?;
    let title = get(&fields, "message").unwrap_or(Cow::Borrowed(&alert.line)).into_owned();
    let page = Page {
        nonce: nonce.iter().map(|byte| format!("{byte:02x}")).collect(),
        title: as_it_is(&title),
        severity: alert.severity.word().to_owned(),
        facts: show::facts(alert, &fields)
            .into_iter()
            .map(|(name, value)| (name.to_owned(), shown(&value)))
            .collect(),
        processes: processes(&fields, triage),
        timeline: timeline(alert, &fields, triage),
        roots: list(triage, "uid_0").map(|user| shown(&gathered::entry(user))).collect(),
        users: list(triage, "users").map(user).collect(),
        questions: list(triage, "guide").map(question).collect(),
        related: gathered::related(triage).iter().map(|line| shown(line)).collect(),
        missing: missing(&fields),
        rule: show::about_rule(&fields)
            .into_iter()
            .map(|(name, value)| (name.to_owned(), shown(&value)))
            .collect(),
        blocks: show::blocks(&fields, rule).into_iter().map(|(title, text)| (title, prose(&text))).collect(),
        links: links(&fields, rule),
    };
    page.render().context("the page cannot be made")
}

/// What is not there, of an alert about which nobody asked the host all of it.
fn missing(fields: &Fields) -> Vec<String> {
    match gathered::of(fields) {
        Some(triage) => gathered::missing(triage).iter().map(|line| shown(line)).collect(),
        None => vec![show::NOT_ASKED.to_owned()],
    }
}

fn processes(fields: &Fields, triage: &Fields) -> Vec<(String, Vec<String>)> {
    let gathered: Vec<&Fields> = list(triage, "processes").collect();
    let links = if gathered.is_empty() { show::chain(fields) } else { gathered };
    let told = links.into_iter().rev().map(gathered::process);
    told.map(|(head, lines)| (shown(&head), lines.iter().map(|line| shown(line)).collect())).collect()
}

/// What has a time, in its order.
fn timeline(alert: &StoredAlert, fields: &Fields, triage: &Fields) -> Vec<(String, String)> {
    let mut moments: Vec<(String, String)> = Vec::new();
    let mut add = |time: Option<Cow<'_, str>>, what: String| {
        moments.extend(time.map(|time| (shown(&time), what)));
    };
    for process in list(triage, "processes").rev() {
        add(get(process, "start"), shown(&format!("{} began", gathered::process(process).0)));
    }
    for user in list(triage, "users") {
        let name = get(user, "name").unwrap_or_default();
        for session in list(user, "sessions") {
            let terminal = get(session, "terminal").unwrap_or_default();
            let host = get(session, "host").unwrap_or_default();
            add(get(session, "since"), shown(&format!("{name} logged in on {terminal} from {host}")));
        }
    }
    let events: Vec<&Fields> = list(fields, "auditward.events").collect();
    for event in &events {
        let action = get(event, "event.action").unwrap_or(Cow::Borrowed("an event"));
        let program = joined(event, "process.args", " ")
            .or_else(|| get(event, "process.executable").map(Cow::into_owned));
        add(get(event, "@timestamp"), shown(&format!("{action}: {}", program.unwrap_or_default())));
    }
    if events.is_empty() {
        add(
            get(fields, "@timestamp"),
            as_it_is(&get(fields, "message").unwrap_or(Cow::Borrowed(&alert.line))),
        );
    }
    add(get(fields, "event.created"), "the alert was made".to_owned());
    add(get(triage, "time"), "the host was asked".to_owned());
    // Of one time, a parent before its child.
    moments.sort_by(|a, b| a.0.cmp(&b.0));
    moments.dedup();
    moments
}

fn user(user: &Fields) -> User {
    let of = |path: &str| get(user, path).map(Cow::into_owned);
    let groups = |key: &str| {
        let groups: Vec<_> = list(user, key).filter_map(gathered::group_of).collect();
        shown(&if groups.is_empty() { "none".to_owned() } else { groups.join(", ") })
    };
    let count = |key: &str| of(key).unwrap_or_else(|| "0".to_owned());
    User {
        title: shown(&format!(
            "{}: {}",
            gathered::role(&of("role").unwrap_or_default()),
            gathered::entry(user)
        )),
        facts: vec![
            ("groups", groups("groups")),
            ("privileged groups", groups("privileged_groups")),
            ("sessions", count("session_count")),
            ("processes", count("process_count")),
        ],
        sessions: list(user, "sessions").map(|session| shown(&gathered::session(session))).collect(),
        processes: list(user, "processes").map(|one| shown(&gathered::running(one))).collect(),
    }
}

fn question(question: &Fields) -> Question {
    let of = |path: &str| get(question, path).map(Cow::into_owned).unwrap_or_default();
    let (columns, rows) = gathered::table(question);
    Question {
        title: shown(&gathered::title(question)),
        query: as_it_is(&of("query")),
        why: get(question, "not_answered").map(|why| shown(&why)),
        columns,
        rows,
    }
}

/// Several lines, each made fit to be shown.
fn prose(text: &str) -> String {
    let text = text.trim();
    let lines = if text.is_empty() { "none" } else { text }.lines();
    lines.map(|line| clean::text(line.trim_end().as_bytes()).into_owned()).collect::<Vec<_>>().join("\n")
}

/// Techniques and references; what is no address of the web is a text.
fn links(fields: &Fields, rule: Option<&Rule>) -> Vec<(String, Option<String>)> {
    let mut links: Vec<(String, Option<String>)> = Vec::new();
    for (name, to) in show::threats(fields) {
        links.push((shown(&name), web(&to)));
    }
    let stored = read::get(fields, "rule.reference").and_then(Value::as_array);
    let stored = stored.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    let references: Vec<String> = rule.map_or_else(|| stored.collect(), |rule| rule.references.clone());
    links.extend(references.into_iter().map(|reference| (shown(&reference), web(&reference))));
    links
}

fn web(address: &str) -> Option<String> {
    let is_web = ["https://", "http://"].iter().any(|scheme| address.starts_with(scheme));
    let plain = address.bytes().all(|byte| byte.is_ascii_graphic());
    (is_web && plain).then(|| address.to_owned())
}
