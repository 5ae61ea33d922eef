//! The state of the accounts' passwords, which only the probe may read (`/etc/shadow`).

use std::collections::BTreeMap;
use std::path::Path;

use crate::account::{Password, Text};
use crate::probe::accounts as told;
use crate::probe::client::{Accounts, Client};

/// Who is asked.
#[derive(Debug)]
pub(in crate::daemon) struct Passwords {
    probe: Option<Client>,
}

impl Passwords {
    /// Of the accounts below `root`: the probe reads those of the host alone.
    pub(in crate::daemon) fn new(probe: Client, root: &Path) -> Self {
        Self { probe: (root == Path::new("/")).then_some(probe) }
    }

    /// By the account's name; none where the probe or the file is not to be had.
    pub(super) fn ask(&mut self) -> Option<BTreeMap<Text, Password>> {
        by_name(self.probe.as_mut()?.accounts().ok()?)
    }
}

/// The first line of a name counts, as for the C library.
fn by_name(told: Accounts) -> Option<BTreeMap<Text, Password>> {
    told.shadow?;
    let mut passwords = BTreeMap::new();
    for entry in told.entries {
        let told::Entry::Account { name, password } = entry else { continue };
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
    use crate::probe::process::FileFacts;

    fn account(name: &str, password: told::Password) -> told::Entry {
        told::Entry::Account { name: crate::probe::Text::of(name.as_bytes(), 256), password }
    }

    #[test]
    fn the_first_line_of_a_name_counts() {
        let entries = vec![
            account("bob", told::Password::Set),
            account("eve", told::Password::Empty),
            account("bob", told::Password::Empty),
            account("daemon", told::Password::Locked),
            told::Entry::Sudoers { path: crate::probe::Text::of(b"sudoers", 256), file: None },
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
}
