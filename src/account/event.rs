//! A change as an event in ECS terms: category `iam`, the account under `user.target`, what it is now under
//! `user.changes`, the one who wrote it under `process` and `user`.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::change::{Aspect, Change, Kind};
use crate::event::Host;

/// `event.dataset` of these events.
pub const DATASET: &str = "auditward.account";

/// Candidates that are named.
const NAMED: usize = 8;

/// Who wrote the file, as far as the records say: the source documents of opens for writing and renames since the last
/// known state.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Writer {
    /// No record told of a writer.
    #[default]
    Unknown,
    /// The change was made while nobody looked.
    Unseen,
    /// One did it.
    One(Map<String, Value>),
    /// Each of these may have.
    Several(Vec<Map<String, Value>>),
}

impl Writer {
    /// `auditward.account.writer`
    fn word(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Unseen => "unseen",
            Self::One(_) => "one",
            Self::Several(_) => "several",
        }
    }
}

/// The event of `change`, seen at `time`.
#[must_use]
pub fn document(change: &Change, time: Timestamp, host: &Host, writer: &Writer) -> Map<String, Value> {
    let mut document = Map::new();
    let stamp = time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
    document.insert("@timestamp".to_owned(), stamp.into());
    document.insert("event".to_owned(), event(change));
    document.insert("host".to_owned(), json!({ "id": host.id, "name": host.name }));
    let mut user = Map::new();
    let mut own = account(change, writer);
    match writer {
        Writer::One(source) => {
            for key in ["process", "container"] {
                document.extend(source.get(key).map(|value| (key.to_owned(), value.clone())));
            }
            if let Some(Value::Object(actor)) = source.get("user") {
                user.clone_from(actor);
            }
            user.retain(|key, _| key != "target" && key != "changes");
            if let Some(session) = source.get("auditd").and_then(|auditd| auditd.get("session")) {
                document.insert("auditd".to_owned(), json!({ "session": session }));
            }
            own.insert("writers".to_owned(), json!([named(source)]));
        }
        Writer::Several(sources) => {
            let names: Vec<String> = sources.iter().take(NAMED).map(named).collect();
            own.insert("writers".to_owned(), names.into());
        }
        Writer::Unknown | Writer::Unseen => {}
    }
    let ancestors = match writer {
        Writer::One(source) => source.get("auditward").and_then(|own| own.get("ancestors")).cloned(),
        _ => None,
    };
    user.extend(target(change));
    if !user.is_empty() {
        document.insert("user".to_owned(), user.into());
    }
    if let Some((name, gid)) = change.group.as_ref().filter(|_| change.aspect != Aspect::Member) {
        document.insert("group".to_owned(), named_id(&name.lossy(), *gid));
    }
    let mut outer = Map::new();
    outer.insert("account".to_owned(), own.into());
    outer.extend(ancestors.map(|list| ("ancestors".to_owned(), list)));
    document.insert("auditward".to_owned(), outer.into());
    document
}

fn event(change: &Change) -> Value {
    let of = match change.aspect {
        Aspect::Group | Aspect::GroupId | Aspect::Member => "group",
        Aspect::Sudoers | Aspect::Sources => "admin",
        _ => "user",
    };
    let kind = match (change.kind, change.aspect) {
        (Kind::Found, _) => "info",
        // A member that comes or goes changes the group.
        (_, Aspect::Member) | (Kind::Changed, _) => "change",
        (Kind::Added, _) => "creation",
        (Kind::Removed, _) => "deletion",
    };
    json!({
        "kind": "event",
        "category": ["iam"],
        "type": [kind, of],
        "action": action(change),
        "outcome": "success",
        "module": "auditward",
        "dataset": DATASET,
        "reason": change.sentence(),
    })
}

fn action(change: &Change) -> &'static str {
    match (change.aspect, change.kind) {
        (Aspect::User, Kind::Added) => "account-added",
        (Aspect::User, Kind::Removed) => "account-removed",
        (Aspect::User, _) => "account-found",
        (Aspect::Uid, _) => "account-uid-changed",
        (Aspect::Gid, _) => "account-primary-group-changed",
        (Aspect::Shell, _) => "account-shell-changed",
        (Aspect::Home, _) => "account-home-changed",
        (Aspect::Password, _) if change.to.as_ref().is_some_and(|to| to.as_bytes() == b"empty") => {
            "account-password-emptied"
        }
        (Aspect::Password, _) => "account-password-changed",
        (Aspect::Group, Kind::Removed) => "group-removed",
        (Aspect::Group, _) => "group-added",
        (Aspect::GroupId, _) => "group-id-changed",
        (Aspect::Member, Kind::Removed) => "group-member-removed",
        (Aspect::Member, Kind::Found) => "group-member-found",
        (Aspect::Member, _) => "group-member-added",
        (Aspect::Sudoers, _) => "sudoers-changed",
        (Aspect::Sources, _) => "account-sources-changed",
    }
}

/// `user.target`, and what the account is now under `user.changes`.
fn target(change: &Change) -> Map<String, Value> {
    let mut user = Map::new();
    let mut target = Map::new();
    let of_account =
        !matches!(change.aspect, Aspect::Group | Aspect::GroupId | Aspect::Sudoers | Aspect::Sources);
    if of_account {
        target.insert("name".to_owned(), change.user.lossy().into());
        target.extend(change.uid.map(|uid| ("id".to_owned(), uid.to_string().into())));
    }
    if let Some((name, gid)) = &change.group {
        target.insert("group".to_owned(), named_id(&name.lossy(), *gid));
    }
    if !target.is_empty() {
        user.insert("target".to_owned(), target.into());
    }
    if let (Aspect::Uid, Some(to)) = (change.aspect, &change.to) {
        user.insert("changes".to_owned(), json!({ "id": to.lossy() }));
    }
    user
}

fn named_id(name: &str, gid: Option<u32>) -> Value {
    match gid {
        Some(gid) => json!({ "name": name, "id": gid.to_string() }),
        None => json!({ "name": name }),
    }
}

/// `auditward.account.*`
fn account(change: &Change, writer: &Writer) -> Map<String, Value> {
    let mut own = Map::new();
    own.insert("file".to_owned(), change.source.path().into());
    if change.line > 0 {
        own.insert("line".to_owned(), change.line.into());
    }
    for (key, value) in [("from", &change.from), ("to", &change.to)] {
        own.extend(value.as_ref().map(|value| (key.to_owned(), value.lossy().into())));
    }
    own.extend(change.uid_now().map(|uid| ("uid".to_owned(), uid.to_string().into())));
    own.insert("privileged".to_owned(), change.is_privileged().into());
    own.insert("shadows_root".to_owned(), change.shadows_root.into());
    own.insert("system".to_owned(), change.is_of_system().into());
    if change.kind != Kind::Found {
        own.insert("writer".to_owned(), writer.word().into());
    }
    own
}

/// `sed (4711)`
fn named(source: &Map<String, Value>) -> String {
    let process = source.get("process");
    let get = |key: &str| process.and_then(|process| process.get(key));
    let name = get("name").or_else(|| get("executable")).and_then(Value::as_str).unwrap_or("unknown");
    match get("pid") {
        Some(pid) => format!("{name} ({pid})"),
        None => name.to_owned(),
    }
}
