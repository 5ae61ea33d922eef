//! Whether accounts have passwords (never what they are), and what stat(2) says of the sudoers files.
//!
//! One list: the lines of `/etc/shadow` in their order, then `/etc/sudoers` and the files of `/etc/sudoers.d`, by
//! name. An answer is a page of it; what the list was made of is told with each page, so that an asker who puts pages
//! together sees when it changed between two.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use nix::sys::stat::{fstat, lstat};

use super::answer::{Answer, Known, ROOM};
use super::process::FileFacts;
use super::words::{Reader, Text, Writer};

/// Most bytes of `/etc/shadow` that are read.
const SHADOW: u64 = 16 << 20;

/// Most files of `/etc/sudoers.d` that are told.
const MOST_FILES: usize = 4096;

/// Most bytes of a name.
const NAME: usize = 256;

/// A page of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// `/etc/shadow`; none where it cannot be read, and then the page holds files only.
    pub shadow: Option<FileFacts>,
    /// How many entries the whole list has.
    pub total: u32,
    /// The list itself is only the beginning: there was more than the probe reads.
    pub truncated: bool,
    /// The number of the first entry that is not on this page; [`Page::total`] on the last page.
    pub next: u32,
    /// The entries.
    pub entries: Vec<Entry>,
}

/// An entry of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A line of `/etc/shadow`.
    Account {
        /// The account's name.
        name: Text,
        /// The state of its password.
        password: Password,
    },
    /// `/etc/sudoers`, `/etc/sudoers.d` itself, or a file in it.
    Sudoers {
        /// The path below `/etc`: `sudoers`, `sudoers.d`, `sudoers.d/NAME`.
        path: Text,
        /// What lstat(2) says; none where it is gone or cannot be asked.
        file: Option<FileFacts>,
    },
}

/// The state of a password, as `passwd -S` (`passwd(1)`) has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Password {
    /// None is asked for (`NP`).
    Empty,
    /// No password fits: it begins with `!` or `*` (`L`).
    Locked,
    /// Something else (`P`).
    Set,
}

impl Password {
    /// The state of the second field of a line.
    #[must_use]
    pub fn of(field: &[u8]) -> Self {
        match field {
            [] => Self::Empty,
            [b'!' | b'*', ..] => Self::Locked,
            _ => Self::Set,
        }
    }
}

/// The page of the list below `etc` that begins with entry `from`.
#[must_use]
pub fn look(etc: &Path, from: u32) -> Answer {
    let (shadow, mut entries, mut truncated) = match shadow(&etc.join("shadow")) {
        Ok((facts, lines, cut)) => (Some(facts), lines, cut),
        Err(_) => (None, Vec::new(), false),
    };
    truncated |= sudoers(etc, &mut entries);
    let total = u32::try_from(entries.len()).unwrap_or(u32::MAX);
    let mut page = Page { shadow, total, truncated, next: total, entries: Vec::new() };
    let mut written = Writer::default();
    page.write(&mut written);
    let mut room = ROOM.saturating_sub(written.finish().len());
    for (number, entry) in entries.into_iter().enumerate().skip(from as usize) {
        match room.checked_sub(entry.size()) {
            Some(rest) => room = rest,
            None => {
                page.next = u32::try_from(number).unwrap_or(total);
                break;
            }
        }
        page.entries.push(entry);
    }
    Answer::Known(Known::Accounts(page))
}

/// The lines of a shadow file, and whether there are more.
fn shadow(path: &Path) -> io::Result<(FileFacts, Vec<Entry>, bool)> {
    let file = File::open(path)?;
    let facts = FileFacts::of(&fstat(&file)?);
    let mut text = Vec::new();
    file.take(SHADOW).read_to_end(&mut text)?;
    let cut = text.len() as u64 == SHADOW;
    let entries = text.split(|byte| *byte == b'\n').filter_map(|line| {
        let mut fields = line.split(|byte| *byte == b':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        // A line without a second field is none that login(1) would take.
        Some(Entry::Account { name: Text::of(name, NAME), password: Password::of(fields.next()?) })
    });
    let entries = entries.collect();
    // What was read is hashes: it is not left to whoever gets the memory next.
    text.fill(0);
    Ok((facts, entries, cut))
}

/// Adds the sudoers files; whether there are more.
fn sudoers(etc: &Path, to: &mut Vec<Entry>) -> bool {
    let entry = |path: &[u8]| {
        let facts = lstat(&etc.join(std::ffi::OsStr::from_bytes(path))).ok();
        Entry::Sudoers { path: Text::of(path, NAME), file: facts.as_ref().map(FileFacts::of) }
    };
    to.extend([entry(b"sudoers"), entry(b"sudoers.d")]);
    let Ok(listed) = fs::read_dir(etc.join("sudoers.d")) else { return false };
    let mut names: Vec<Vec<u8>> =
        listed.flatten().take(MOST_FILES + 1).map(|file| file.file_name().into_vec()).collect();
    let more = names.len() > MOST_FILES;
    names.sort();
    to.extend(names.iter().take(MOST_FILES).map(|name| entry(&[b"sudoers.d/", name.as_slice()].concat())));
    more
}

impl Entry {
    fn size(&self) -> usize {
        let mut written = Writer::default();
        self.write(&mut written);
        written.finish().len()
    }

    fn write(&self, to: &mut Writer) {
        match self {
            Self::Account { name, password } => {
                to.u8(match password {
                    Password::Empty => 0,
                    Password::Locked => 1,
                    Password::Set => 2,
                });
                to.text(Some(name));
            }
            Self::Sudoers { path, file } => {
                to.u8(if file.is_some() { 4 } else { 3 });
                to.text(Some(path));
                if let Some(file) = file {
                    file.write(to);
                }
            }
        }
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let kind = from.u8()?;
        let text = from.text()??;
        let account = |password| Self::Account { name: text.clone(), password };
        Some(match kind {
            0 => account(Password::Empty),
            1 => account(Password::Locked),
            2 => account(Password::Set),
            3 => Self::Sudoers { path: text, file: None },
            4 => Self::Sudoers { path: text, file: Some(FileFacts::read(from)?) },
            _ => return None,
        })
    }
}

impl Page {
    pub(super) fn write(&self, to: &mut Writer) {
        to.u8(u8::from(self.shadow.is_some()));
        if let Some(shadow) = &self.shadow {
            shadow.write(to);
        }
        to.u32(self.total);
        to.u8(u8::from(self.truncated));
        to.u32(self.next);
        to.u16(u16::try_from(self.entries.len()).unwrap_or(u16::MAX));
        self.entries.iter().for_each(|entry| entry.write(to));
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Option<Self> {
        let shadow = if from.bool()? { Some(FileFacts::read(from)?) } else { None };
        let (total, truncated, next) = (from.u32()?, from.bool()?, from.u32()?);
        let count = from.u16()?;
        let entries = (0..count).map(|_| Entry::read(from)).collect::<Option<Vec<_>>>()?;
        Some(Self { shadow, total, truncated, next, entries })
    }
}

#[cfg(test)]
mod tests {
    use super::super::answer::LONGEST;
    use super::*;

    fn page(etc: &Path, from: u32) -> Page {
        let answer = look(etc, from);
        let bytes = answer.to_bytes(1);
        assert!(bytes.len() <= LONGEST, "{}", bytes.len());
        assert_eq!(Answer::parse(&bytes), Some((1, answer.clone())));
        match answer {
            Answer::Known(Known::Accounts(page)) => page,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn states_and_never_a_hash() {
        let etc = tempfile::tempdir().expect("a directory");
        let text = "root:$y$j9T$secrethash:1:0:9:7:::\nempty::1::::::\nlocked:!$6$secrethash:1\nnone:*:\n\nodd\nx:x:1\n";
        fs::write(etc.path().join("shadow"), text).expect("written");
        fs::write(etc.path().join("sudoers"), "root ALL=(ALL) ALL\n").expect("written");
        fs::create_dir(etc.path().join("sudoers.d")).expect("made");
        for name in ["b", "a"] {
            fs::write(etc.path().join("sudoers.d").join(name), name).expect("written");
        }
        let page = page(etc.path(), 0);
        let told: Vec<_> = page
            .entries
            .iter()
            .map(|entry| match entry {
                Entry::Account { name, password } => {
                    format!("{} {password:?}", String::from_utf8_lossy(&name.bytes))
                }
                Entry::Sudoers { path, file } => {
                    let size = file.map(|file| file.size).filter(|_| path.bytes != b"sudoers.d");
                    format!("{} {size:?}", String::from_utf8_lossy(&path.bytes))
                }
            })
            .collect();
        let expected = [
            "root Set",
            "empty Empty",
            "locked Locked",
            "none Locked",
            "x Set",
            "sudoers Some(19)",
            "sudoers.d None",
            "sudoers.d/a Some(1)",
            "sudoers.d/b Some(1)",
        ];
        assert_eq!(told, expected);
        assert_eq!((page.total, page.next, page.truncated), (9, 9, false));
        assert_eq!(page.shadow.map(|shadow| shadow.size), Some(text.len() as u64));
        let bytes = look(etc.path(), 0).to_bytes(0);
        assert_eq!(memchr::memmem::find(&bytes, b"secrethash"), None);
    }

    #[test]
    fn pages_put_together_are_the_list() {
        let etc = tempfile::tempdir().expect("a directory");
        let names: Vec<String> = (0..2000).map(|number| format!("account-{number}")).collect();
        let text: String = names.iter().map(|name| format!("{name}:!:1:0:9:7:::\n")).collect();
        fs::write(etc.path().join("shadow"), text).expect("written");
        let (mut from, mut all, mut pages) = (0, Vec::new(), 0);
        loop {
            let page = page(etc.path(), from);
            assert!(page.next > from, "a page moves on");
            all.extend(page.entries);
            (from, pages) = (page.next, pages + 1);
            if page.next == page.total {
                break;
            }
        }
        let told = all.iter().filter_map(|entry| match entry {
            Entry::Account { name, password: Password::Locked } => Some(name.bytes.clone()),
            _ => None,
        });
        assert_eq!(told.collect::<Vec<_>>(), names.iter().map(|n| n.as_bytes().to_vec()).collect::<Vec<_>>());
        assert!(pages > 5, "{pages}");
        let beyond = page(etc.path(), u32::MAX);
        assert_eq!((beyond.entries.len(), beyond.next), (0, beyond.total));
    }

    #[test]
    fn nothing_there_is_told_as_nothing() {
        let etc = tempfile::tempdir().expect("a directory");
        let page = page(etc.path(), 0);
        assert_eq!((page.shadow, page.total, page.entries.len()), (None, 2, 2));
        // The longest name there can be, many times: each page has room for one entry at least.
        let name = "n".repeat(5000);
        fs::write(etc.path().join("shadow"), format!("{name}:x:\n").repeat(100)).expect("written");
        let Answer::Known(Known::Accounts(page)) = look(etc.path(), 0) else { panic!("no page") };
        assert!(page.next > 0 && matches!(&page.entries[0], Entry::Account { name, .. } if name.cut));
    }
}
