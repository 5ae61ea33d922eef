//! The source event of an alert, with what only an alert needs of it.

use std::borrow::Cow;

use bstr::ByteSlice;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::document::rfc3339;
use super::target;
use crate::detect::Source;
use crate::event::ancestry::{Image, Process};
use crate::event::document::Values;
use crate::event::kind::Act;
use crate::event::schema::field;
use crate::event::{AuditDocument, json};

/// The event as it is exported, and under `auditward.ancestors` its line of parents, nearest first, as
/// far as it is known. The last one that only its child knows has a number and nothing else.
#[must_use]
pub fn source(event: &AuditDocument<'_>) -> Map<String, Value> {
    let mut document = json::to_map(event);
    // Its parts are texts and numbers, which are always JSON.
    if let Some(own) = Own::of(event).and_then(|own| serde_json::to_value(own).ok()) {
        document.insert("auditward".to_owned(), own);
    }
    document
}

/// [`source`] as text, written in one go.
#[must_use]
pub fn source_text(event: &AuditDocument<'_>) -> String {
    let mut writer = json::Writer::default();
    let document = writer.write(event).to_str_lossy();
    let own = Own::of(event).and_then(|own| serde_json::to_string(&own).ok());
    match (own, document.strip_suffix('}')) {
        (Some(own), Some(open)) => {
            let comma = if open == "{" { "" } else { "," };
            [open, comma, "\"auditward\":", &own, "}"].concat()
        }
        _ => document.into_owned(),
    }
}

/// The text of what was kept of an event.
#[must_use]
pub fn text_of(source: &Source) -> Cow<'_, str> {
    match source {
        Source::Text(text) => Cow::Borrowed(text),
        Source::Event(event) => Cow::Owned(event.with_document(source_text).unwrap_or_default()),
        Source::Unwanted => Cow::Borrowed("{}"),
    }
}

/// What an alert tells of its event beyond the export.
#[derive(Serialize)]
struct Own<'e> {
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ancestors: Vec<Ancestor<'e>>,
}

/// What is known of a parent; nothing stands where nothing is.
#[derive(Default, Serialize)]
struct Ancestor<'e> {
    pid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Cow<'e, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    executable: Option<Cow<'e, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<Vec<Cow<'e, str>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    args_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    working_directory: Option<Cow<'e, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    terminal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    container: Option<Value>,
}

impl<'e> Own<'e> {
    /// None where there is nothing to tell.
    fn of(event: &AuditDocument<'e>) -> Option<Self> {
        let target = account(event).map(|name| json!({ "user": { "name": name }, "source": "arguments" }));
        let mut ancestors = Vec::new();
        let mut next = 0;
        for process in event.ancestors() {
            ancestors.push(Ancestor::of(process));
            next = process.ppid;
        }
        if !ancestors.is_empty() && next != 0 {
            ancestors.push(Ancestor { pid: next, ..Ancestor::default() });
        }
        (target.is_some() || !ancestors.is_empty()).then_some(Self { target, ancestors })
    }
}

/// Of a report that names no account (usermod and useradd tell the number alone): the account in the
/// arguments that the tool was started with, where its execution was seen. A new uid is usermod's to
/// report and a new account useradd's, whatever the program is called.
pub(super) fn account(event: &AuditDocument<'_>) -> Option<String> {
    let tool = match event.kind().lead() {
        Act::CHANGED_USER_ID => "usermod",
        Act::ADDED_USER => "useradd",
        _ => return None,
    };
    if event.ask(field::USER_TARGET_NAME) != Values::None {
        return None;
    }
    let arguments: Vec<&[u8]> = event.process()?.image.as_ref()?.arguments()?.collect();
    Some(target::from_arguments(tool, "", &arguments)?.to_str_lossy().into_owned())
}

/// As whom a process ran when it was last seen, and who had logged in.
fn user_of(process: &Process) -> Option<Value> {
    let mut user = Map::new();
    if let Some(ids) = process.ids() {
        user.insert("id".to_owned(), ids.uid.to_string().into());
        user.insert("effective".to_owned(), json!({ "id": ids.euid.to_string() }));
    }
    if let Some(login) = process.login() {
        user.insert("audit".to_owned(), json!({ "id": login.auid.to_string() }));
    }
    (!user.is_empty()).then(|| user.into())
}

impl<'e> Ancestor<'e> {
    fn of(process: &'e Process) -> Self {
        let image = process.image.as_ref();
        let text = |of: fn(&'e Image) -> Option<&'e [u8]>| image.and_then(of).map(ByteSlice::to_str_lossy);
        let no_terminal = process.terminal.present() == Some(false);
        let start = i64::try_from(process.start).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        Self {
            pid: process.pid,
            name: text(Image::name),
            executable: text(Image::executable),
            args: image.and_then(Image::arguments).map(|all| all.map(ByteSlice::to_str_lossy).collect()),
            args_count: image.and_then(Image::count),
            working_directory: text(Image::directory),
            start: start.map(rfc3339),
            terminal: process.terminal.name().or_else(|| no_terminal.then(|| "none".to_owned())),
            user: user_of(process),
            session: process.login().map(|login| login.ses.to_string()),
            container: process.container().map(|id| json!({ "id": id.to_str_lossy() })),
        }
    }
}
