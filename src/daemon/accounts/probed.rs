//! What only the probe may read: the state of the accounts' passwords (`/etc/shadow`), and the metadata of the sudoers files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::account::{Metadata, Password, Text, is_read};
use crate::probe::accounts::{self as told, Entry};
use crate::probe::client::{Accounts, Client};
use crate::probe::process::FileFacts;
use crate::probe::{Answer, Known};

/// Who is asked.
#[derive(Debug)]
pub(in crate::daemon) enum Probed {
    /// The probe, of the host's files.
    Probe(Client),
    /// Nobody: in a tree that is another's, the daemon looks itself, as far as it may.
    Tree(PathBuf),
}

/// What was answered; none of what is not to be had.
#[derive(Debug, Default)]
pub(super) struct Answered {
    /// By the account's name.
    pub(super) passwords: Option<BTreeMap<Text, Password>>,
    /// By the file's path.
    pub(super) sudoers: Option<BTreeMap<Text, Metadata>>,
}

impl Probed {
    /// Of the accounts below `root`: the probe reads those of the host alone.
    pub(in crate::daemon) fn new(probe: Client, root: &Path) -> Self {
        match root == Path::new("/") {
            true => Self::Probe(probe),
            false => Self::Tree(root.join("etc")),
        }
    }

    pub(super) fn ask(&mut self) -> Answered {
        let told = match self {
            Self::Probe(client) => client.accounts().ok(),
            Self::Tree(etc) => Some(of_tree(etc)),
        };
        told.map_or_else(Answered::default, |told| Answered {
            sudoers: sudoers(&told.entries),
            passwords: by_name(told),
        })
    }
}

/// All pages of what the probe would tell of `etc`.
fn of_tree(etc: &Path) -> Accounts {
    let mut all = Accounts::default();
    let mut from = 0;
    while let Answer::Known(Known::Accounts(page)) = told::look(etc, from) {
        all.shadow = page.shadow;
        all.entries.extend(page.entries);
        if page.next <= from || page.next >= page.total {
            break;
        }
        from = page.next;
    }
    all
}

/// The files that sudo reads. They end the probe's list; without them it is not whole.
fn sudoers(entries: &[Entry]) -> Option<BTreeMap<Text, Metadata>> {
    let mut found = BTreeMap::new();
    let mut whole = false;
    for entry in entries {
        let Entry::Sudoers { path, file } = entry else { continue };
        whole = true;
        let path = [b"/etc/", path.bytes.as_slice()].concat();
        if let Some(file) = file.as_ref().filter(|_| is_read(&path)) {
            found.insert(path.as_slice().into(), metadata(file));
        }
    }
    whole.then_some(found)
}

fn metadata(file: &FileFacts) -> Metadata {
    let FileFacts { inode, mode, uid, gid, size, modified, changed, .. } = *file;
    Metadata { inode, mode, uid, gid, size, modified, changed }
}

/// The first line of a name counts, as for the C library.
fn by_name(told: Accounts) -> Option<BTreeMap<Text, Password>> {
    told.shadow?;
    let mut passwords = BTreeMap::new();
    for entry in told.entries {
        let Entry::Account { name, password } = entry else { continue };
        // A name that is longer than the probe tells is none of /etc/passwd either (useradd(8): 32).
        if !name.cut {
            passwords.entry(Text::from(name.bytes.as_slice())).or_insert(state(password));
        }
    }
    Some(passwords)
}

fn state(told: told::Password) -> Password {
    match told {
        told::Password::Empty => Password::Empty,
        told::Password::Locked => Password::Locked,
        told::Password::Set => Password::Set,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(name: &str, password: told::Password) -> Entry {
        Entry::Account { name: crate::probe::Text::of(name.as_bytes(), 256), password }
    }

    #[test]
    fn the_first_line_of_a_name_counts() {
        let entries = vec![
            account("bob", told::Password::Set),
            account("eve", told::Password::Empty),
            account("bob", told::Password::Empty),
            account("daemon", told::Password::Locked),
            Entry::Sudoers { path: crate::probe::Text::of(b"sudoers", 256), file: None },
        ];
        let told = Accounts { shadow: Some(FileFacts::default()), truncated: false, entries };
        let passwords = by_name(told.clone()).expect("passwords");
        let of = |name: &str| passwords.get(&Text::from(name)).copied();
        assert_eq!(of("bob"), Some(Password::Set));
        assert_eq!(of("eve"), Some(Password::Empty));
        assert_eq!(of("daemon"), Some(Password::Locked));
        assert_eq!(passwords.len(), 3);
        assert_eq!(by_name(Accounts { shadow: None, ..told }), None, "no file is no state");
    }

    #[test]
    fn sudoers_files_are_those_that_sudo_reads() {
        let file = |path: &str, file: Option<FileFacts>| Entry::Sudoers {
            path: crate::probe::Text::of(path.as_bytes(), 256),
            file,
        };
        let facts = FileFacts { device: 7, inode: 8, size: 9, ..FileFacts::default() };
        let entries = [
            account("bob", told::Password::Set),
            file("sudoers", Some(facts)),
            file("sudoers.d", None),
            file("sudoers.d/ops", Some(facts)),
            file("sudoers.d/.ops.swp", Some(facts)),
            file("sudoers.d/ops~", Some(facts)),
            file("sudoers.d/ops.dpkg-new", Some(facts)),
        ];
        let told = sudoers(&entries).expect("the list is whole");
        let paths: Vec<_> = told.keys().map(|path| path.lossy().into_owned()).collect();
        assert_eq!(paths, ["/etc/sudoers", "/etc/sudoers.d/ops"]);
        assert_eq!(told[&Text::from("/etc/sudoers")], Metadata { inode: 8, size: 9, ..Metadata::default() });
        assert_eq!(sudoers(&entries[..1]), None, "the list ends before them");
    }

    #[test]
    fn in_a_tree_the_daemon_looks_itself() {
        let root = tempfile::tempdir().expect("a directory");
        std::fs::create_dir_all(root.path().join("etc/sudoers.d")).expect("made");
        std::fs::write(root.path().join("etc/sudoers.d/ops"), "%ops ALL=(ALL) ALL\n").expect("written");
        let answered = Probed::Tree(root.path().join("etc")).ask();
        let sudoers = answered.sudoers.expect("files");
        assert_eq!(sudoers[&Text::from("/etc/sudoers.d/ops")].size, 19);
        assert_eq!(answered.passwords, None, "there is no shadow");
    }
}
