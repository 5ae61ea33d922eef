//! The difference of two states.

use std::collections::{BTreeMap, BTreeSet};

use super::group::Group;
use super::passwd::{Password, User};
use super::source::Source;
use super::state::{Entry, Key, State};
use super::text::Text;
use super::{nsswitch, sudoers};

/// Groups that lead to root, or to what only root may read.
pub const PRIVILEGED_GROUPS: [&str; 8] = ["root", "wheel", "sudo", "adm", "docker", "lxd", "disk", "shadow"];

/// UIDs below it are the system's (`SYS_UID_MAX` of login.defs is 999).
const FIRST_PERSON: u32 = 1000;

/// Changes that are told of one look; beyond it the gravest come first.
const MOST_CHANGES: usize = 1000;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It was there at the first look.
    Found,
    /// It came.
    Added,
    /// It went.
    Removed,
    /// It is another now.
    Changed,
}

/// What it happened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aspect {
    /// An account as a whole.
    User,
    /// Its UID.
    Uid,
    /// Its primary group.
    Gid,
    /// Its shell.
    Shell,
    /// Its home directory.
    Home,
    /// Its password.
    Password,
    /// A group as a whole.
    Group,
    /// Its number.
    GroupId,
    /// A membership in a privileged group.
    Member,
    /// A sudoers file, of which only the metadata are looked at.
    Sudoers,
    /// The sources that are asked about accounts: a line of /etc/nsswitch.conf.
    Sources,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What happened to it.
    pub kind: Kind,
    /// To what.
    pub aspect: Aspect,
    /// Where that stands.
    pub source: Source,
    /// The line; 0 where there is none.
    pub line: u64,
    /// The account; empty for changes of groups and files.
    pub user: Text,
    /// Its UID, the former one where that is what changed.
    pub uid: Option<u32>,
    /// The group: its name and number, the former one where that is what changed.
    pub group: Option<(Text, Option<u32>)>,
    /// What stood there.
    pub from: Option<Text>,
    /// What stands there.
    pub to: Option<Text>,
    /// The account is called root and is not the one of /etc/passwd.
    pub shadows_root: bool,
}

impl Change {
    pub(super) fn of(kind: Kind, aspect: Aspect, key: &Key, line: u64) -> Self {
        Self {
            kind,
            aspect,
            source: key.source.clone(),
            line,
            user: Text::default(),
            uid: None,
            group: None,
            from: None,
            to: None,
            shadows_root: false,
        }
    }

    fn of_user(kind: Kind, aspect: Aspect, key: &Key, entry: &Entry<User>) -> Self {
        Self {
            user: key.name.clone(),
            uid: entry.what.uid,
            shadows_root: shadows_root(key),
            ..Self::of(kind, aspect, key, entry.line)
        }
    }

    /// The UID of the account afterwards, where it is known.
    #[must_use]
    pub fn uid_now(&self) -> Option<u32> {
        match (self.aspect, &self.to) {
            (Aspect::Uid, Some(to)) => std::str::from_utf8(to.as_bytes()).ok()?.parse().ok(),
            (Aspect::Uid, None) => None,
            _ => self.uid,
        }
    }

    /// Whether the account is the system's, by its UID.
    #[must_use]
    pub fn is_of_system(&self) -> bool {
        self.uid.is_some_and(|uid| uid < FIRST_PERSON)
    }

    /// Whether it gives somebody more than he had: UID 0, the name of root, a privileged group, no password, a
    /// shell for a system account, a source of accounts that was not asked.
    #[must_use]
    pub fn is_privileged(&self) -> bool {
        let gained = !matches!(self.kind, Kind::Removed);
        let to_zero = |value: &Option<Text>| value.as_ref().is_some_and(|to| to.as_bytes() == b"0");
        gained
            && match self.aspect {
                Aspect::User => self.uid == Some(0) || self.shadows_root,
                Aspect::Uid => to_zero(&self.to),
                Aspect::Gid | Aspect::GroupId => to_zero(&self.to),
                Aspect::Shell => self.is_of_system() && !self.to.as_ref().is_some_and(is_no_shell),
                Aspect::Password => self.to.as_ref().is_some_and(|to| to.as_bytes() == b"empty"),
                Aspect::Member => true,
                Aspect::Sources => nsswitch::has_new_source(self.from.as_ref(), self.to.as_ref()),
                // What it says is not known.
                Aspect::Home | Aspect::Group | Aspect::Sudoers => false,
            }
    }

    /// The change in one sentence, without a full stop. Names stand in it as they are: not cleaned yet.
    #[must_use]
    pub fn sentence(&self) -> String {
        let (from, to) = (shown(self.from.as_ref()), shown(self.to.as_ref()));
        let user = if self.user.as_bytes().is_empty() { "without a name".into() } else { self.user.lossy() };
        let uid = self.uid.map_or("no UID".to_owned(), |uid| format!("UID {uid}"));
        let group = self.group.as_ref().map_or("".into(), |(name, _)| name.lossy());
        let gid = self.group.as_ref().and_then(|(_, gid)| *gid);
        let gid = gid.map_or("no GID".to_owned(), |gid| format!("GID {gid}"));
        let what = match (self.aspect, self.kind) {
            (Aspect::User, Kind::Added) => format!("account {user} was added with {uid}"),
            (Aspect::User, Kind::Removed) => format!("account {user} with {uid} was removed"),
            (Aspect::User, _) => format!("account {user} has {uid}"),
            (Aspect::Uid, _) => format!("account {user} has UID {to} now, had {from}"),
            (Aspect::Gid, _) => format!("account {user} has the primary group {to} now, had {from}"),
            (Aspect::Shell, _) => format!("account {user} ({uid}) has the shell {to} now, had {from}"),
            (Aspect::Home, _) => format!("account {user} ({uid}) has the home {to} now, had {from}"),
            (Aspect::Password, _) if self.from.is_none() => {
                format!("the password of account {user} ({uid}) is {to}")
            }
            (Aspect::Password, _) => {
                format!("the password of account {user} ({uid}) is {to} now, was {from}")
            }
            (Aspect::Group, Kind::Removed) => format!("group {group} with {gid} was removed"),
            (Aspect::Group, _) => format!("group {group} was added with {gid}"),
            (Aspect::GroupId, _) => format!("group {group} has GID {to} now, had {from}"),
            (Aspect::Member, Kind::Removed) => format!("account {user} is no member of {group} any more"),
            (Aspect::Member, Kind::Found) => format!("account {user} is a member of {group}"),
            (Aspect::Member, _) => format!("account {user} became a member of {group}"),
            (Aspect::Sudoers, kind) => {
                let path = self.source.path();
                return match kind {
                    Kind::Added => format!("{path} was added: {to}"),
                    Kind::Removed => format!("{path} is gone: {from}"),
                    _ => format!("{path} was changed: {to}; before {from}"),
                };
            }
            (Aspect::Sources, _) => format!("the sources are \"{to}\" now, were \"{from}\""),
        };
        let line = if self.line == 0 { String::new() } else { format!(" line {}", self.line) };
        format!("{what}, in {}{line}", self.source.path())
    }
}

/// A shell with which nobody logs in.
fn is_no_shell(shell: &Text) -> bool {
    let name = shell.as_bytes().rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    matches!(name, b"nologin" | b"false" | b"sync" | b"halt" | b"shutdown" | b"git-shell")
}

fn shown(value: Option<&Text>) -> String {
    match value {
        None => "none".to_owned(),
        Some(text) if text.as_bytes().is_empty() => "none".to_owned(),
        Some(text) => text.lossy().into_owned(),
    }
}

/// Whether membership in the group counts.
pub(super) fn is_privileged(name: &Text, gid: Option<u32>) -> bool {
    is_privileged_group(name.as_bytes(), gid)
}

/// The same of a name as bytes.
pub(crate) fn is_privileged_group(name: &[u8], gid: Option<u32>) -> bool {
    gid == Some(0) || PRIVILEGED_GROUPS.iter().any(|group| group.as_bytes() == name)
}

/// The name of root, where it is not the account of /etc/passwd.
fn shadows_root(key: &Key) -> bool {
    let trimmed = key.name.as_bytes().trim_ascii();
    let named = trimmed.eq_ignore_ascii_case(b"root");
    let own = key.source == Source::Passwd && key.nth == 0 && key.name.as_bytes() == b"root";
    named && !own
}

/// What is different in `after`. Of a file that `before` did not know yet, and so of everything at a first look, only that is
/// told which is worth a word: accounts with UID 0 beside root, and who is a member of a privileged group
/// ([`Kind::Found`]).
#[must_use]
pub fn changes(before: &State, after: &State) -> Vec<Change> {
    let mut found = Vec::new();
    let known = |source: &Source| match source {
        Source::Userdb(_) => !before.is_unknown(),
        _ => before.known.contains_key(source),
    };
    each(&before.users, &after.users, &mut |key, pair| match pair {
        (None, Some(now)) if !known(&key.source) => {
            let own = key.name.as_bytes() == b"root" && !shadows_root(key);
            if !own && (now.what.uid == Some(0) || shadows_root(key)) {
                found.push(Change::of_user(Kind::Found, Aspect::User, key, now));
            }
        }
        (None, Some(now)) => {
            let mut change = Change::of_user(Kind::Added, Aspect::User, key, now);
            change.to = now.what.uid.map(number);
            found.push(change);
            if now.what.password == Password::Empty {
                found.push(password(key, now, None, Password::Empty));
            }
        }
        (Some(was), None) => {
            let mut change = Change::of_user(Kind::Removed, Aspect::User, key, was);
            change.from = was.what.uid.map(number);
            found.push(change);
        }
        (Some(was), Some(now)) => of_user(key, was, now, &mut found),
        _ => {}
    });
    each(&before.groups, &after.groups, &mut |key, pair| of_group(key, pair, known(&key.source), &mut found));
    let (was, is) = (memberships(before), memberships(after));
    // A group that was not known, or a user whose primary group is, is in the difference too.
    for (of, place) in is.iter().filter(|(of, _)| !was.contains_key(of)) {
        let kind = if known(&place.0.source) { Kind::Added } else { Kind::Found };
        found.push(member(kind, of, place, after));
    }
    for (of, place) in was.iter().filter(|(of, _)| !is.contains_key(of)) {
        found.push(member(Kind::Removed, of, place, before));
    }
    of_passwords(before, after, &mut found);
    sudoers::changes(before, after, &mut found);
    nsswitch::changes(before, after, &mut found);
    bounded(found)
}

/// The gravest first where there are too many.
fn bounded(mut found: Vec<Change>) -> Vec<Change> {
    if found.len() > MOST_CHANGES {
        found.sort_by_key(|change| !change.is_privileged());
        found.truncate(MOST_CHANGES);
    }
    found
}

type Pair<'a, T> = (Option<&'a T>, Option<&'a T>);

/// Calls `tell` for each key of either, with what stands under it.
fn each<'a, T: PartialEq>(
    before: &'a BTreeMap<Key, T>,
    after: &'a BTreeMap<Key, T>,
    tell: &mut dyn FnMut(&'a Key, Pair<'a, T>),
) {
    for (key, now) in after {
        let was = before.get(key);
        if was != Some(now) {
            tell(key, (was, Some(now)));
        }
    }
    for (key, was) in before.iter().filter(|(key, _)| !after.contains_key(key)) {
        tell(key, (Some(was), None));
    }
}

fn number(number: u32) -> Text {
    number.to_string().into()
}

fn of_user(key: &Key, was: &Entry<User>, now: &Entry<User>, found: &mut Vec<Change>) {
    let mut tell = |aspect, from: Option<Text>, to: Option<Text>| {
        if from == to {
            return;
        }
        let uid = if aspect == Aspect::Uid { was.what.uid } else { now.what.uid };
        let change = Change::of_user(Kind::Changed, aspect, key, now);
        found.push(Change { uid, from, to, ..change });
    };
    let (was_id, now_id) = (&was.what, &now.what);
    tell(Aspect::Uid, was_id.uid.map(number), now_id.uid.map(number));
    tell(Aspect::Gid, was_id.gid.map(number), now_id.gid.map(number));
    tell(Aspect::Shell, Some(was_id.shell.clone()), Some(now_id.shell.clone()));
    tell(Aspect::Home, Some(was_id.home.clone()), Some(now_id.home.clone()));
    if was_id.password != now_id.password {
        found.push(password(key, now, Some(was_id.password), now_id.password));
    }
}

fn password(key: &Key, now: &Entry<User>, from: Option<Password>, to: Password) -> Change {
    let change = Change::of_user(Kind::Changed, Aspect::Password, key, now);
    Change { from: from.map(|from| from.word().into()), to: Some(to.word().into()), ..change }
}

fn of_group(key: &Key, pair: Pair<'_, Entry<Group>>, known: bool, found: &mut Vec<Change>) {
    let of = |kind, aspect, entry: &Entry<Group>| Change {
        group: Some((key.name.clone(), entry.what.gid)),
        ..Change::of(kind, aspect, key, entry.line)
    };
    match pair {
        (None, Some(now)) if known && now.what.gid.is_some() => {
            found.push(Change { to: now.what.gid.map(number), ..of(Kind::Added, Aspect::Group, now) });
        }
        (Some(was), None) if was.what.gid.is_some() => {
            found.push(Change { from: was.what.gid.map(number), ..of(Kind::Removed, Aspect::Group, was) });
        }
        (Some(was), Some(now)) if was.what.gid != now.what.gid => {
            let change = of(Kind::Changed, Aspect::GroupId, now);
            let group = Some((key.name.clone(), was.what.gid));
            let (from, to) = (was.what.gid.map(number), now.what.gid.map(number));
            found.push(Change { group, from, to, ..change });
        }
        _ => {}
    }
}

/// What the probe says of the passwords of accounts, where both states know it.
fn of_passwords(before: &State, after: &State, found: &mut Vec<Change>) {
    let (Some(was), Some(now)) = (&before.passwords, &after.passwords) else { return };
    for (name, to) in now {
        let from = was.get(name).copied().unwrap_or_default();
        let emptied = *to == Password::Empty;
        if from == *to || !(emptied || was.contains_key(name)) {
            continue;
        }
        let holder = after.users.iter().find(|(key, _)| key.name == *name && key.nth == 0);
        let shadow = Source::Metadata("/etc/shadow".into());
        let change = match holder {
            Some((key, entry)) => Change::of_user(Kind::Changed, Aspect::Password, key, entry),
            None => Change::of(
                Kind::Changed,
                Aspect::Password,
                &Key { source: shadow.clone(), name: name.clone(), nth: 0 },
                0,
            ),
        };
        let (from, to) = (Some(from.word().into()), Some(to.word().into()));
        found.push(Change { user: name.clone(), source: shadow, line: 0, from, to, ..change });
    }
}

/// A membership: account and group by name, and where it stands.
type Memberships = BTreeMap<(Text, Text), (Key, u64)>;

/// Who is a member of a privileged group: by its own list, by a drop-in, or by his primary group. That somebody has UID 0
/// is another matter.
fn memberships(state: &State) -> Memberships {
    let mut found = Memberships::new();
    let mut by_number: BTreeMap<u32, BTreeSet<&Text>> = BTreeMap::new();
    for (key, entry) in &state.groups {
        if !is_privileged(&key.name, entry.what.gid) {
            continue;
        }
        if let Some(gid) = entry.what.gid {
            by_number.entry(gid).or_default().insert(&key.name);
        }
        for member in &entry.what.members {
            found.entry((member.clone(), key.name.clone())).or_insert((key.clone(), entry.line));
        }
    }
    for (key, entry) in state.users.iter().filter(|(_, entry)| entry.what.uid != Some(0)) {
        for group in entry.what.gid.and_then(|gid| by_number.get(&gid)).into_iter().flatten() {
            found.entry((key.name.clone(), (*group).clone())).or_insert((key.clone(), entry.line));
        }
    }
    found
}

fn member(kind: Kind, (user, group): &(Text, Text), (key, line): &(Key, u64), state: &State) -> Change {
    let uid = state.users.iter().find(|(key, _)| key.name == *user).and_then(|(_, entry)| entry.what.uid);
    let gid = state.groups.iter().filter(|(key, _)| key.name == *group).find_map(|(_, entry)| entry.what.gid);
    Change {
        user: user.clone(),
        uid,
        group: Some((group.clone(), gid)),
        ..Change::of(kind, Aspect::Member, key, *line)
    }
}
