//! Accounts and groups as an analyst wants them: with the comment, and all members.
//!
//! As files, never through NSS, which may ask the network and wait; so accounts of a directory service are not seen.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use super::Missing;
use crate::account::{content, id, is_privileged_group};

/// A file larger than this is no account file.
const LARGEST: u64 = 64 << 20;

/// Entries of one file that are looked at.
const MOST: usize = 65_536;

/// Below a root, in the order in which they count.
const USERS: [&str; 2] = ["etc/passwd", "var/lib/extrausers/passwd"];
const GROUPS: [&str; 2] = ["etc/group", "var/lib/extrausers/group"];

/// A line of passwd(5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) description: String,
    pub(super) home: String,
    pub(super) shell: String,
}

/// A line of group(5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) gid: u32,
    pub(super) members: Vec<String>,
}

impl Group {
    pub(super) fn is_privileged(&self) -> bool {
        is_privileged_group(self.name.as_bytes(), Some(self.gid))
    }
}

/// What the files say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Accounts {
    pub(super) users: Vec<User>,
    pub(super) groups: Vec<Group>,
    pub(super) missing: Vec<Missing>,
}

/// Device, inode, size, times of the last changes: equal ones were read already.
type Stamp = [i64; 7];

/// The files, read again when they were changed.
#[derive(Debug, Default)]
pub(super) struct Files {
    stamps: Vec<Option<Stamp>>,
    read: Arc<Accounts>,
}

impl Files {
    pub(super) fn look(&mut self, root: &Path) -> Arc<Accounts> {
        let stamps: Vec<_> = USERS.iter().chain(&GROUPS).map(|path| stamp(&root.join(path))).collect();
        if self.stamps != stamps {
            self.read = Arc::new(Accounts::read(root));
            self.stamps = stamps;
        }
        Arc::clone(&self.read)
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let of = path.metadata().ok()?;
    Some([
        of.dev().cast_signed(),
        of.ino().cast_signed(),
        of.size().cast_signed(),
        of.mtime(),
        of.mtime_nsec(),
        of.ctime(),
        of.ctime_nsec(),
    ])
}

impl Accounts {
    fn read(root: &Path) -> Self {
        let mut read = Self::default();
        for (n, path) in USERS.iter().enumerate() {
            let taken = each(&root.join(path), &mut |line| read.users.extend(user(line)));
            read.note(n == 0, path, taken);
        }
        for (n, path) in GROUPS.iter().enumerate() {
            let taken = each(&root.join(path), &mut |line| read.groups.extend(group(line)));
            read.note(n == 0, path, taken);
        }
        read
    }

    fn note(&mut self, required: bool, path: &str, taken: std::io::Result<bool>) {
        match taken {
            Ok(true) => {}
            Ok(false) => {
                self.missing.push(Missing::of(&format!("/{path}"), "it has more entries than are read"));
            }
            Err(error) if !required && error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => self.missing.push(Missing::of(&format!("/{path}"), &error.to_string())),
        }
    }

    /// The first entry of the name, which is the one that counts.
    pub(super) fn named(&self, name: &str) -> Option<&User> {
        self.users.iter().find(|user| user.name == name)
    }

    pub(super) fn numbered(&self, uid: u32) -> Option<&User> {
        self.users.iter().find(|user| user.uid == uid)
    }

    pub(super) fn group(&self, gid: u32) -> Option<&Group> {
        self.groups.iter().find(|group| group.gid == gid)
    }

    /// The primary group first, then those that name the user as a member, as id(1) shows them.
    pub(super) fn groups_of(&self, user: &User) -> Vec<&Group> {
        let primary = self.group(user.gid);
        let others =
            self.groups.iter().filter(|group| group.gid != user.gid && group.members.contains(&user.name));
        primary.into_iter().chain(others).collect()
    }
}

/// Every line; false when there were more than are looked at.
fn each(path: &Path, take: &mut dyn FnMut(&[u8])) -> std::io::Result<bool> {
    let mut lines = BufReader::new(File::open(path)?.take(LARGEST)).split(b'\n');
    for _ in 0..MOST {
        match lines.next() {
            None => return Ok(true),
            Some(line) => take(&line?),
        }
    }
    Ok(lines.next().is_none())
}

fn text(field: Option<&[u8]>) -> String {
    String::from_utf8_lossy(field.unwrap_or_default()).into_owned()
}

/// What glibc takes for an account; entries that leave it to another database (`+`) are none.
fn user(line: &[u8]) -> Option<User> {
    let mut fields = content(line)?.split(|byte| *byte == b':');
    let name = fields.next()?;
    if name.starts_with(b"+") || name.starts_with(b"-") {
        return None;
    }
    fields.next()?;
    let (uid, gid) = (id(fields.next()?)?, id(fields.next()?)?);
    let (description, home, shell) = (text(fields.next()), text(fields.next()), text(fields.next()));
    Some(User { name: text(Some(name)), uid, gid, description, home, shell })
}

fn group(line: &[u8]) -> Option<Group> {
    let mut fields = content(line)?.split(|byte| *byte == b':');
    let name = fields.next()?;
    if name.starts_with(b"+") || name.starts_with(b"-") {
        return None;
    }
    fields.next()?;
    let gid = id(fields.next()?)?;
    let members = fields.next().unwrap_or_default().split(|byte| *byte == b',');
    let members = members.map(<[u8]>::trim_ascii).filter(|name| !name.is_empty());
    Some(Group { name: text(Some(name)), gid, members: members.map(|name| text(Some(name))).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_read_whole_with_its_groups() {
        let root = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(root.path().join("etc")).expect("etc");
        let write = |name: &str, text: &str| {
            std::fs::write(root.path().join("etc").join(name), text).expect("written");
        };
        write(
            "passwd",
            "root:x:0:0:root:/root:/bin/bash\nbob:x:1001:100:Bob, Room 4:/home/bob:/bin/sh\n+::::::\n",
        );
        write("group", "root:x:0:\nsudo:x:27:alice,bob\nusers:x:100:bob\nother:x:7:alice\n");
        let mut files = Files::default();
        let read = files.look(root.path());
        assert_eq!(read.missing, []);
        let bob = read.named("bob").expect("bob");
        assert_eq!((bob.uid, bob.gid, &*bob.description), (1001, 100, "Bob, Room 4"));
        assert_eq!((&*bob.home, &*bob.shell), ("/home/bob", "/bin/sh"));
        let groups: Vec<_> = read.groups_of(bob).iter().map(|g| (&*g.name, g.is_privileged())).collect();
        assert_eq!(groups, [("users", false), ("sudo", true)]);
        assert_eq!(read.users.len(), 2);

        write("passwd", "root:x:0:0:root:/root:/bin/bash\nbob:x:0:100:Bob, Room 4:/home/bob:/bin/sh\n");
        assert_eq!(files.look(root.path()).named("bob").expect("bob").uid, 0, "a change is seen");
        std::fs::remove_file(root.path().join("etc/group")).expect("removed");
        let missing = &files.look(root.path()).missing;
        assert_eq!(missing.iter().map(|one| &*one.what).collect::<Vec<_>>(), ["/etc/group"]);
    }
}
