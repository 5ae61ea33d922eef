//! The accounts that an alert is about.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::accounts::{Accounts, User};
use super::processes::Task;
use super::sessions::Session;
use super::{command_line, shown, text};

/// Processes and sessions of one user that are told; all are counted.
const PROCESSES: usize = 12;
const SESSIONS: usize = 12;

/// Groups of one user that are told.
const GROUPS: usize = 64;

/// What an account has to do with the alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// As whom it was done.
    Actor,
    /// Who logged in.
    Login,
    /// To whom it was done.
    Target,
}

impl Role {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Actor => "actor",
            Self::Login => "login",
            Self::Target => "target",
        }
    }
}

/// An account in its role, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Concerned {
    pub(super) role: Role,
    /// As the alert has it, else as the account files do.
    pub(super) name: Option<String>,
    pub(super) id: Option<String>,
    /// Its entry.
    pub(super) user: Option<User>,
}

/// The user who acted, who had logged in when that is another, and the one it was done to.
pub(super) fn concerned(document: &Map<String, Value>, accounts: &Accounts) -> Vec<Concerned> {
    let mut found: Vec<Concerned> = Vec::new();
    for (role, paths) in [
        (Role::Actor, &["user"][..]),
        (Role::Login, &["user.audit"]),
        (Role::Target, &["user.target", "auditward.target.user"]),
    ] {
        let part = |part: &str| paths.iter().find_map(|path| text(document, &format!("{path}.{part}")));
        let name = part("name").filter(|name| name != "unset");
        let id = part("id").filter(|id| id != "unset" && *id != u32::MAX.to_string());
        if name.is_none() && id.is_none() {
            continue;
        }
        // A name that is in no file may be one that is gone, or of a directory service.
        let by_id = || accounts.numbered(id.as_deref()?.parse().ok()?);
        let user = match &name {
            Some(name) => accounts.named(name),
            None => by_id(),
        };
        let one = Concerned {
            role,
            name: name.or_else(|| user.map(|user| user.name.clone())),
            id: id.or_else(|| user.map(|user| user.uid.to_string())),
            user: user.cloned(),
        };
        // Who logged in and acted under the own number is one.
        let known = |known: &Concerned| known.name == one.name && known.id == one.id;
        if role == Role::Target || !found.iter().any(known) {
            found.push(one);
        }
    }
    found
}

/// The entry as the account files have it.
fn entry(user: &User) -> Map<String, Value> {
    let mut told = Map::new();
    for (key, value) in [
        ("name", shown(&user.name)),
        ("id", user.uid.to_string()),
        ("group_id", user.gid.to_string()),
        ("description", shown(&user.description)),
        ("home", shown(&user.home)),
        ("shell", shown(&user.shell)),
    ] {
        told.insert(key.to_owned(), value.into());
    }
    told
}

/// Accounts with the number of root that are not called so.
pub(super) fn roots(accounts: &Accounts) -> Value {
    let roots = accounts.users.iter().filter(|user| user.uid == 0 && user.name != "root");
    roots.take(32).map(entry).collect()
}

/// All of each account concerned.
pub(super) fn tell(
    concerned: &[Concerned],
    accounts: &Accounts,
    tasks: &[Task],
    sessions: &[Session],
) -> Value {
    concerned.iter().map(|one| one.tell(accounts, tasks, sessions)).collect()
}

impl Concerned {
    fn tell(&self, accounts: &Accounts, tasks: &[Task], sessions: &[Session]) -> Value {
        let mut told = Map::new();
        told.insert("role".to_owned(), self.role.word().into());
        match &self.user {
            Some(user) => {
                told.extend(entry(user));
                let groups = accounts.groups_of(user);
                let one = |privileged: bool| -> Value {
                    let of = groups.iter().filter(|group| !privileged || group.is_privileged()).take(GROUPS);
                    of.map(|group| json!({ "name": shown(&group.name), "id": group.gid.to_string() }))
                        .collect()
                };
                told.insert("groups".to_owned(), one(false));
                told.insert("privileged_groups".to_owned(), one(true));
            }
            None => {
                told.extend(self.name.as_deref().map(|name| ("name".to_owned(), shown(name).into())));
                told.extend(self.id.as_deref().map(|id| ("id".to_owned(), id.into())));
                let reason = "the account files of this host have no such account";
                told.insert("missing".to_owned(), json!({ "what": ["entry", "groups"], "reason": reason }));
            }
        }
        let uid = self.user.as_ref().map(|user| user.uid.to_string()).or_else(|| self.id.clone());
        let own: Vec<&Task> = tasks
            .iter()
            .filter(|task| Some(task.uid.to_string()) == uid || Some(task.euid.to_string()) == uid)
            .collect();
        told.insert("process_count".to_owned(), own.len().into());
        // Programs before the kernel's threads, the newest first.
        let mut shown_first: Vec<&&Task> = own.iter().collect();
        shown_first.sort_by_key(|task| (task.args.is_empty(), std::cmp::Reverse((task.start, task.pid))));
        let processes = shown_first.into_iter().take(PROCESSES).map(|task| {
            let line =
                if task.args.is_empty() { format!("[{}]", task.name) } else { command_line(&task.args) };
            let start = i64::try_from(task.start).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
            json!({
                "pid": task.pid,
                "name": shown(&task.name),
                "command_line": line,
                "terminal": task.terminal.as_deref().unwrap_or("none"),
                "start": start.map(super::rfc3339),
            })
        });
        told.insert("processes".to_owned(), processes.collect());
        let own: Vec<&Session> =
            sessions.iter().filter(|session| Some(&session.user) == self.name.as_ref()).collect();
        told.insert("session_count".to_owned(), own.len().into());
        let sessions = own.into_iter().take(SESSIONS).map(|session| {
            let since = session.since.and_then(|ms| Timestamp::from_millisecond(ms).ok());
            json!({
                "id": session.id,
                "terminal": session.terminal.as_deref().map_or_else(|| "none".to_owned(), shown),
                "host": session.host.as_deref().map_or_else(|| "local".to_owned(), shown),
                "since": since.map(super::rfc3339),
                "pid": session.pid,
                "service": session.service,
                "state": session.state,
                "source": session.source,
            })
        });
        told.insert("sessions".to_owned(), sessions.collect());
        without_nulls(told.into())
    }
}

/// What is not known of a session is not there.
fn without_nulls(mut value: Value) -> Value {
    match &mut value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(|value| *value = without_nulls(std::mem::take(value)));
        }
        Value::Array(list) => list.iter_mut().for_each(|value| *value = without_nulls(std::mem::take(value))),
        _ => {}
    }
    value
}
