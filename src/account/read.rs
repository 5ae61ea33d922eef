//! Reading the account files below a root: as files, never through NSS.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use super::change::is_privileged;
use super::group::{self, Group};
use super::lines;
use super::nsswitch;
use super::passwd::{self, Line, User};
use super::source::{FILES, Source, USERDB};
use super::state::{Entry, Files, Key, MOST_ENTRIES, State};
use super::text::Text;
use super::userdb;

/// Drop-ins of one directory that are read.
const MOST_DROP_INS: usize = 16_384;

/// Bytes of a drop-in.
const DROP_IN: u64 = 1 << 20;

/// What a look at the files gave.
#[derive(Debug, Default)]
pub struct Readout {
    /// The state; of what could not be read the last known one.
    pub state: State,
    /// What could not be read, each in a sentence.
    pub unreadable: Vec<String>,
    /// A file was changed while it was read, is empty, or ends in the middle of a line: what it says may not
    /// be all yet.
    pub unsettled: bool,
    /// What became of each file; drop-ins count with their directory.
    pub looked: BTreeMap<Box<str>, Outcome>,
}

/// What became of a file at one look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It is not there, and need not be.
    Absent,
    /// It was read.
    Read,
    /// It could not be read.
    Fault,
}

impl Readout {
    /// Notes what became of a file; of what is counted together the worst counts.
    fn note(&mut self, counted: &str, outcome: Outcome) {
        let known = self.looked.entry(counted.into()).or_insert(outcome);
        *known = (*known).max(outcome);
    }
}

/// Reads everything below `root` (`/` on a host). What cannot be read keeps what `before` knew of it.
#[must_use]
pub fn read(root: &Path, before: &State) -> Readout {
    let mut reading = Reading { root, before, out: Readout::default() };
    for source in FILES {
        reading.file(source);
    }
    for directory in USERDB {
        reading.drop_ins(directory);
    }
    reading.databases();
    reading.out.state.passwords.clone_from(&before.passwords);
    reading.out.state.sudoers.clone_from(&before.sudoers);
    reading.out
}

/// See [`read`].
struct Reading<'a> {
    root: &'a Path,
    before: &'a State,
    out: Readout,
}

impl Reading<'_> {
    fn path(&self, source: &str) -> PathBuf {
        self.root.join(source.trim_start_matches('/'))
    }

    /// Reads a file of lines.
    fn file(&mut self, source: Source) {
        match self.lines_of(&source) {
            Ok(files) => {
                self.out.note(source.path(), Outcome::Read);
                self.out.state.known.insert(source, Some(files));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && !source.is_required() => {
                self.out.note(source.path(), Outcome::Absent);
                self.out.state.known.insert(source, None);
            }
            Err(error) => self.keep(&source, &error),
        }
    }

    /// The last known state of `source` stands.
    fn keep(&mut self, source: &Source, error: &io::Error) {
        let State { users, groups, known, .. } = &mut self.out.state;
        users.retain(|key, _| key.source != *source);
        groups.retain(|key, _| key.source != *source);
        let of = |key: &Key| key.source == *source;
        users
            .extend(self.before.users.iter().filter(|(key, _)| of(key)).map(|(k, v)| (k.clone(), v.clone())));
        groups.extend(
            self.before.groups.iter().filter(|(key, _)| of(key)).map(|(k, v)| (k.clone(), v.clone())),
        );
        if let Some(files) = self.before.known.get(source) {
            known.insert(source.clone(), files.clone());
        }
        self.unreadable(source, error);
    }

    fn unreadable(&mut self, source: &Source, error: &io::Error) {
        self.out.note(source.counted(), Outcome::Fault);
        self.out.unreadable.push(format!("{}: {error}", source.path()));
    }

    fn lines_of(&mut self, source: &Source) -> io::Result<Files> {
        let file = open(&self.path(source.path()))?;
        let before = stamp(&file)?;
        let mut files = Files { malformed: 0, partial: false, nul: false, hashes: false };
        let is_group = matches!(source, Source::Group | Source::ExtraGroup);
        let (mut users, mut groups) = (Taken::default(), Taken::default());
        let odd = lines::each(&file, |number, line| {
            files.nul |= memchr::memchr(0, line).is_some();
            files.hashes |= holds_hash(line);
            let well = if is_group {
                groups.take(source, number, group::line(line), |name, group: &mut Group| {
                    let privileged = is_privileged(name, group.gid);
                    if !privileged {
                        group.members.clear();
                    }
                    privileged
                })
            } else {
                users.take(source, number, passwd::line(line), |_, user: &mut User| {
                    user.uid == Some(0) || user.gid == Some(0)
                })
            };
            files.malformed += u64::from(!well);
        })?;
        files.malformed += odd.cut;
        files.partial = odd.partial || users.left_out || groups.left_out;
        self.out.unsettled |= odd.empty && source.is_required() || odd.open_end || stamp(&file)? != before;
        self.out.state.users.extend(users.entries);
        self.out.state.groups.extend(groups.entries);
        Ok(files)
    }

    /// Reads a directory of systemd's userdb.
    fn drop_ins(&mut self, directory: &str) {
        let path = self.path(directory);
        let listing = match fs::read_dir(&path) {
            Ok(listing) => listing,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return self.out.note(directory, Outcome::Absent);
            }
            Err(error) => return self.keep_below(directory, &error),
        };
        self.out.note(directory, Outcome::Read);
        let mut names: Vec<String> = Vec::new();
        let mut left_out = 0_u64;
        for entry in listing.flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            let wanted = [".user", ".group", ".membership"].iter().any(|end| name.ends_with(end));
            // `1001.user` is a link to `eve.user`: the same account by its number.
            let digits = name.split('.').next().is_some_and(|stem| stem.bytes().all(|b| b.is_ascii_digit()));
            let link = || fs::read_link(entry.path()).is_ok_and(|to| !to.to_string_lossy().contains('/'));
            if !wanted || (digits && link()) {
                continue;
            }
            match names.len() < MOST_DROP_INS {
                true => names.push(name),
                false => left_out += 1,
            }
        }
        if left_out > 0 {
            self.out.note(directory, Outcome::Fault);
            let told = format!("{directory}: more than {MOST_DROP_INS} drop-ins: {left_out} are left out");
            self.out.unreadable.push(told);
        }
        names.sort_unstable();
        for name in names {
            let source = Source::Userdb(format!("{directory}/{name}").into());
            if let Some((user, group)) = userdb::membership(&name) {
                let key = Key { source: source.clone(), name: group, nth: 0 };
                let group = Group { gid: None, members: [user].into() };
                self.out.state.groups.insert(key, Entry { what: group, line: 0 });
                self.out
                    .state
                    .known
                    .insert(source, Some(Files { malformed: 0, partial: false, nul: false, hashes: false }));
                continue;
            }
            match self.drop_in(&source, name.ends_with(".user")) {
                Ok(files) => {
                    self.out.state.known.insert(source, Some(files));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => self.keep(&source, &error),
            }
        }
    }

    fn drop_in(&mut self, source: &Source, of_user: bool) -> io::Result<Files> {
        let file = open(&self.path(source.path()))?;
        let before = stamp(&file)?;
        let mut text = Vec::new();
        (&file).take(DROP_IN + 1).read_to_end(&mut text)?;
        let partial = text.len() as u64 > DROP_IN;
        let State { users, groups, .. } = &mut self.out.state;
        let key = |name| Key { source: source.clone(), name, nth: 0 };
        let taken = match of_user {
            true => userdb::user(&text).map(|(name, what)| {
                users.insert(key(name), Entry { what, line: 0 });
            }),
            false => userdb::group(&text).map(|(name, what)| {
                groups.insert(key(name), Entry { what, line: 0 });
            }),
        };
        self.out.unsettled |= taken.is_none() || stamp(&file)? != before;
        Ok(Files { malformed: u64::from(taken.is_none()), partial, nul: false, hashes: false })
    }

    /// A directory that cannot be listed: what it held stands.
    fn keep_below(&mut self, directory: &str, error: &io::Error) {
        let below = |source: &Source| matches!(source, Source::Userdb(path) if path.strip_prefix(directory).is_some_and(|p| p.starts_with('/')));
        let known: Vec<Source> = self.before.known.keys().filter(|source| below(source)).cloned().collect();
        for source in known {
            self.keep(&source, error);
        }
        self.out.note(directory, Outcome::Fault);
        self.out.unreadable.push(format!("{directory}: {error}"));
    }

    /// Reads which sources are asked.
    fn databases(&mut self) {
        let source = Source::Nsswitch;
        let read = open(&self.path(source.path())).and_then(|file| {
            let before = stamp(&file)?;
            let (databases, odd) = nsswitch::read(&file)?;
            Ok((databases, odd.empty || odd.open_end || stamp(&file)? != before))
        });
        match read {
            Ok((databases, unsettled)) => {
                self.out.unsettled |= unsettled;
                self.out.state.databases = databases;
                self.out.note(source.path(), Outcome::Read);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.out.note(source.path(), Outcome::Absent);
            }
            Err(error) => {
                self.out.state.databases.clone_from(&self.before.databases);
                self.unreadable(&source, &error);
                if !self.before.known.contains_key(&source) {
                    return;
                }
            }
        }
        self.out.state.known.insert(source, None);
    }
}

/// Whether the second field of a line is a hash, and no `x`, `*`, `!` or `!` before one.
fn holds_hash(line: &[u8]) -> bool {
    let password = line.split(|byte| *byte == b':').nth(1);
    password.is_some_and(|field| field.len() > 1 && !field.starts_with(b"!") && !field.starts_with(b"*"))
}

/// Entries of one file as they come.
struct Taken<T> {
    entries: BTreeMap<Key, Entry<T>>,
    seen: HashMap<Text, u32>,
    ordinary: usize,
    grave: usize,
    left_out: bool,
}

impl<T> Default for Taken<T> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), seen: HashMap::new(), ordinary: 0, grave: 0, left_out: false }
    }
}

impl<T> Taken<T> {
    /// Takes a line, and says whether it is well formed. `grave`: what is kept beyond the bound of ordinary
    /// ones.
    fn take(
        &mut self,
        source: &Source,
        number: u64,
        line: Line<T>,
        grave: impl FnOnce(&Text, &mut T) -> bool,
    ) -> bool {
        let (name, mut what) = match line {
            Line::Nothing => return true,
            Line::Malformed => return false,
            Line::Entry(name, what) => (name, what),
        };
        let count = if grave(&name, &mut what) { &mut self.grave } else { &mut self.ordinary };
        if *count >= MOST_ENTRIES {
            self.left_out = true;
            return true;
        }
        *count += 1;
        let seen = self.seen.entry(name.clone()).or_default();
        let key = Key { source: source.clone(), name, nth: *seen };
        *seen += 1;
        self.entries.insert(key, Entry { what, line: number });
        true
    }
}

/// Opens a file that is one: a pipe in its place would never end.
fn open(path: &Path) -> io::Result<File> {
    let file = File::options().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no plain file")) }
}

/// What changes when a file is written.
fn stamp(file: &File) -> io::Result<(u64, u64, i64, i64)> {
    let meta = file.metadata()?;
    Ok((meta.ino(), meta.size(), meta.mtime(), meta.mtime_nsec()))
}
