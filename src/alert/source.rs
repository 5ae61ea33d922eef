//! The source event of an alert, with what only an alert needs of it.

use bstr::ByteSlice;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::document::rfc3339;
use super::target;
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
    let mut own = Map::new();
    if let Some(name) = account(event) {
        own.insert("target".to_owned(), json!({ "user": { "name": name }, "source": "arguments" }));
    }
    let mut line: Vec<Value> = Vec::new();
    let mut next = 0;
    for process in event.ancestors() {
        line.push(ancestor(process));
        next = process.ppid;
    }
    if !line.is_empty() {
        if next != 0 {
            line.push(json!({ "pid": next }));
        }
        own.insert("ancestors".to_owned(), line.into());
    }
    if !own.is_empty() {
        document.insert("auditward".to_owned(), own.into());
    }
    document
}

/// Of a report that names no account (usermod and useradd tell the number alone): the account in the
/// arguments that the tool was started with, where its execution was seen. A new uid is usermod's to
/// report and a new account useradd's, whatever the program is called.
fn account(event: &AuditDocument<'_>) -> Option<String> {
    let tool = match event.kind().lead() {
        Act::CHANGED_USER_ID => "usermod",
        Act::ADDED_USER => "useradd",
        _ => return None,
    };
    if event.ask(field::USER_TARGET_NAME) != Values::None {
        return None;
    }
    let arguments: Vec<&[u8]> = event.process()?.image.as_ref()?.arguments()?.collect();
    Some(target::from_arguments(tool, &arguments)?.to_str_lossy().into_owned())
}

/// What is known of a parent; nothing stands where nothing is.
fn ancestor(process: &Process) -> Value {
    let image = process.image.as_ref();
    let text = |of: fn(&Image) -> Option<&[u8]>| image.and_then(of).map(|b| b.to_str_lossy().into_owned());
    let args = image.and_then(Image::arguments);
    let args = args.map(|all| all.map(|a| a.to_str_lossy().into_owned()).collect::<Vec<_>>());
    let start = i64::try_from(process.start).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let mut all = json!({
        "pid": process.pid,
        "name": text(Image::name),
        "executable": text(Image::executable),
        "args": args,
        "args_count": image.and_then(Image::count),
        "working_directory": text(Image::directory),
        "start": start.map(rfc3339),
    });
    if let Value::Object(map) = &mut all {
        map.retain(|_, value| !value.is_null());
    }
    all
}
