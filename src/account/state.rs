//! What the account databases hold, and how it is kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::group::Group;
use super::passwd::{Password, User};
use super::source::Source;
use super::sudoers::Metadata;
use super::text::Text;

/// Ordinary entries of one kind that are kept. Entries with the number 0 and privileged groups are kept beyond it, up
/// to as many again: nothing hides behind a heap of lines.
pub(super) const MOST_ENTRIES: usize = 65_536;

/// The most bytes of a state that is taken up.
pub const MOST_STATE_BYTES: u64 = 64 << 20;

/// The form of what is kept; another one is not read.
const VERSION: u32 = 1;

/// Which entry of that name: a name may stand twice, in one file and in several.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct Key {
    pub(super) source: Source,
    pub(super) name: Text,
    /// How many of the name stand before it in the source.
    pub(super) nth: u32,
}

/// An entry and where it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry<T> {
    /// What it says.
    pub what: T,
    /// The line; 0 for a file of one entry.
    pub line: u64,
}

/// What became of a file when it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    /// Lines that the C library passes over.
    pub malformed: u64,
    /// More entries than are kept, or more bytes than are read.
    pub partial: bool,
    /// It holds NUL bytes, behind which the C library sees nothing.
    pub nul: bool,
    /// A line has a password's hash in it.
    #[serde(default)]
    pub hashes: bool,
}

/// What the account databases held when they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    pub(super) users: BTreeMap<Key, Entry<User>>,
    pub(super) groups: BTreeMap<Key, Entry<Group>>,
    /// Which sources are asked, by database; of the lines of /etc/nsswitch.conf that are about accounts.
    pub(super) databases: BTreeMap<Text, Entry<Text>>,
    /// The sudoers files by their path, where the probe tells them.
    pub(super) sudoers: Option<BTreeMap<Text, Metadata>>,
    /// Passwords by name, where the probe tells them.
    pub(super) passwords: Option<BTreeMap<Text, Password>>,
    /// What was read at least once, or was seen not to be there.
    pub(super) known: BTreeMap<Source, Option<Files>>,
}

/// Why a kept state cannot be taken up.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It was changed or cut off.
    #[error("it is damaged (its sum differs)")]
    Damaged,
    /// It is of another version of the program.
    #[error("it is of another version")]
    OtherVersion,
}

/// The line before the state.
#[derive(Serialize, Deserialize)]
struct Head {
    accounts: u32,
    sha256: String,
}

/// The state as it is kept: pairs, since JSON has no keys but texts.
#[derive(Serialize, Deserialize)]
struct Kept<U, G> {
    users: U,
    groups: G,
    #[serde(default)]
    databases: Vec<(Text, Entry<Text>)>,
    #[serde(default)]
    sudoers: Option<Vec<(Text, Metadata)>>,
    passwords: Option<Vec<(Text, Password)>>,
    known: Vec<(Source, Option<Files>)>,
}

type Pairs<T> = Vec<(Key, Entry<T>)>;

impl State {
    /// Whether nothing was ever read.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.known.is_empty()
    }

    /// Entries of accounts, of groups.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        (self.users.len(), self.groups.len())
    }

    /// Accounts with the UID 0, by name.
    pub fn roots(&self) -> impl Iterator<Item = &Text> {
        let roots = self.users.iter().filter(|(_, user)| user.what.uid == Some(0));
        roots.map(|(key, _)| &key.name)
    }

    /// What is odd about the files.
    pub fn files(&self) -> impl Iterator<Item = (&Source, &Files)> {
        self.known.iter().filter_map(|(source, files)| Some((source, files.as_ref()?)))
    }

    /// Takes what the probe says of passwords, by name; what it cannot say leaves the former answer.
    pub fn set_passwords(&mut self, passwords: Option<BTreeMap<Text, Password>>) {
        if passwords.is_some() {
            self.passwords = passwords;
        }
    }

    /// Takes what the probe says of the sudoers files, by path; what it cannot say leaves the former answer.
    pub fn set_sudoers(&mut self, sudoers: Option<BTreeMap<Text, Metadata>>) {
        if sudoers.is_some() {
            self.sudoers = sudoers;
        }
    }

    /// The state as it is kept: a line with its sum, and JSON. No password and no hash of one is in it.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let kept = Kept {
            users: self.users.iter().collect::<Vec<_>>(),
            groups: self.groups.iter().collect::<Vec<_>>(),
            databases: self.databases.iter().map(|(name, of)| (name.clone(), of.clone())).collect(),
            sudoers: self
                .sudoers
                .as_ref()
                .map(|all| all.iter().map(|(path, of)| (path.clone(), *of)).collect()),
            passwords: self.passwords.as_ref().map(|all| all.iter().map(|(n, p)| (n.clone(), *p)).collect()),
            known: self.known.iter().map(|(source, files)| (source.clone(), files.clone())).collect(),
        };
        // Texts and numbers are always JSON.
        let body = serde_json::to_vec(&kept).unwrap_or_default();
        let head = Head { accounts: VERSION, sha256: sum(&body) };
        let mut bytes = serde_json::to_vec(&head).unwrap_or_default();
        bytes.push(b'\n');
        bytes.extend(body);
        bytes
    }

    /// Reads what [`State::to_bytes`] wrote.
    ///
    /// # Errors
    /// See [`StateError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StateError> {
        let end = bytes.iter().position(|byte| *byte == b'\n').ok_or(StateError::Damaged)?;
        let (head, body) = bytes.split_at(end);
        let body = body.get(1..).unwrap_or_default();
        let head: Head = serde_json::from_slice(head).map_err(|_| StateError::Damaged)?;
        if head.accounts != VERSION {
            return Err(StateError::OtherVersion);
        }
        if head.sha256 != sum(body) {
            return Err(StateError::Damaged);
        }
        let kept: Kept<Pairs<User>, Pairs<Group>> =
            serde_json::from_slice(body).map_err(|_| StateError::Damaged)?;
        Ok(Self {
            users: kept.users.into_iter().collect(),
            groups: kept.groups.into_iter().collect(),
            databases: kept.databases.into_iter().collect(),
            sudoers: kept.sudoers.map(|all| all.into_iter().collect()),
            passwords: kept.passwords.map(|all| all.into_iter().collect()),
            known: kept.known.into_iter().collect(),
        })
    }
}

fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
