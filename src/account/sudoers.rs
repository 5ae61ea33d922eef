//! The files by which sudo knows who may what: their metadata, since what is in them is nobody's to read.

use serde::{Deserialize, Serialize};

use super::change::{Aspect, Change, Kind};
use super::source::{SUDOERS_D, Source};
use super::state::{Key, State};
use super::text::Text;

/// What lstat(2) says of a file. No device: it may have another number after the next boot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Inode.
    pub inode: u64,
    /// Kind and permissions.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Bytes.
    pub size: u64,
    /// Last change of the content, in nanoseconds since the Unix epoch.
    pub modified: i64,
    /// Last change of the inode, likewise.
    pub changed: i64,
}

impl Metadata {
    /// `mode 0440, owner 0:0, 755 bytes, modified 2026-11-28T13:00:00Z, inode 131 changed 2026-11-28T13:05:00Z`: of two that
    /// differ never the same, but within a second.
    fn text(&self) -> Text {
        let Self { inode, mode, uid, gid, size, modified, changed } = self;
        let time = |nanoseconds: &i64| {
            let time = jiff::Timestamp::from_second(nanoseconds.div_euclid(1_000_000_000));
            time.map_or_else(|_| "at no time".to_owned(), |time| time.to_string())
        };
        let (modified, changed) = (time(modified), time(changed));
        format!(
            "mode {:04o}, owner {uid}:{gid}, {size} bytes, modified {modified}, inode {inode} changed {changed}",
            mode & 0o7777
        )
        .into()
    }
}

/// Whether sudo reads a file of this path: in its directory it passes over names with a dot and those that end in `~`
/// (sudoers(5)), which are what editors and package managers leave for a moment.
#[must_use]
pub fn is_read(path: &[u8]) -> bool {
    let Some(name) = path.strip_prefix(SUDOERS_D.as_bytes()).and_then(|rest| rest.strip_prefix(b"/")) else {
        return true;
    };
    !name.contains(&b'.') && !name.ends_with(b"~")
}

/// What became of the files, where both states know them.
pub(super) fn changes(before: &State, after: &State, found: &mut Vec<Change>) {
    let (Some(was), Some(is)) = (&before.sudoers, &after.sudoers) else { return };
    for (path, now) in is {
        let former = was.get(path);
        if former.is_none_or(|former| differ(path, former, now)) {
            let kind = if former.is_some() { Kind::Changed } else { Kind::Added };
            found.push(change(kind, path, former, Some(now)));
        }
    }
    for (path, former) in was.iter().filter(|(path, _)| !is.contains_key(path)) {
        found.push(change(Kind::Removed, path, Some(former), None));
    }
}

/// Of the directory only who may write it counts: what comes into it is told itself.
fn differ(path: &Text, was: &Metadata, is: &Metadata) -> bool {
    match path.as_bytes() == SUDOERS_D.as_bytes() {
        true => (was.mode, was.uid, was.gid) != (is.mode, is.uid, is.gid),
        false => was != is,
    }
}

fn change(kind: Kind, path: &Text, from: Option<&Metadata>, to: Option<&Metadata>) -> Change {
    let source = Source::Metadata(path.lossy().into());
    let change = Change::of(kind, Aspect::Sudoers, &Key { source, name: Text::default(), nth: 0 }, 0);
    Change { from: from.map(Metadata::text), to: to.map(Metadata::text), ..change }
}
