//! Which root an act was in, live: what records say of a file against the host's own files, and what /proc and the
//! probe say of a process while it lives. In a replay nobody asks, and every root is the host's.

use std::collections::VecDeque;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::account::Mounts;
use crate::account::root::{self, Inode, Own, Touched, Verdict};
use crate::account::{Device, Place};
use crate::audit::{Path as PathRecord, RecordType};
use crate::event::schema::field;
use crate::event::{AuditDocument, Value as Field, Values};

/// The account files that are compared.
const FILES: [&str; 4] = ["passwd", "group", "shadow", "gshadow"];

/// Files that stood there a while ago: each change by an account tool makes a new one.
const FORMER: usize = 64;

/// See the module.
#[derive(Debug)]
pub(super) struct Roots {
    /// The directory of the host's account files.
    etc: PathBuf,
    former: VecDeque<Inode>,
}

impl Roots {
    /// Of the account files below `root`.
    pub(super) fn new(root: &Path) -> Self {
        let etc = root.join("etc");
        Self { etc: fs::canonicalize(&etc).unwrap_or(etc), former: VecDeque::new() }
    }

    /// What is told of the root in which an act on accounts was done (`auditward.root`), where that is surely not
    /// the host's.
    pub(super) fn other(&mut self, event: &AuditDocument<'_>) -> Option<Map<String, Value>> {
        let path = one(event.ask(field::FILE_PATH));
        let (verdict, evidence) = match path.filter(|_| !event.is_exec()) {
            Some(path) => (self.of_file(event, path)?, "file"),
            None => (self.of_process(event)?, "process"),
        };
        if verdict != Verdict::Other {
            return None;
        }
        let mut told = Map::new();
        if let Some(link) = event.root() {
            told.insert("path".to_owned(), String::from_utf8_lossy(&link.path).into());
            told.insert("mount_namespace".to_owned(), link.mount_namespace.to_string().into());
        }
        told.insert("evidence".to_owned(), evidence.into());
        Some(told)
    }

    fn of_process(&self, event: &AuditDocument<'_>) -> Option<Verdict> {
        let seen = event.mounted()?;
        let host = event.mounted_on_host()?;
        let host = self.place(&Mounts::parse(&host.mounts)?)?;
        if root::leads_elsewhere(&seen.arguments) {
            return None;
        }
        let mounts = Mounts::parse(&seen.mounts)?;
        Some(root::of_process(&host, &mounts, || Some(event.root()?.path)))
    }

    /// Where the host's directory is.
    fn place(&self, host: &Mounts<'_>) -> Option<Place> {
        host.place(self.etc.as_os_str().as_bytes())
    }

    fn of_file(&mut self, event: &AuditDocument<'_>, path: &[u8]) -> Option<Verdict> {
        let path = Path::new(std::ffi::OsStr::from_bytes(path));
        let parent = path.parent()?;
        let is_account_file = path.file_name().is_some_and(|name| FILES.iter().any(|file| name == *file));
        if !is_account_file || (parent != Path::new("/etc") && parent != self.etc) {
            return None;
        }
        let host = event.mounted_on_host()?;
        let host = Mounts::parse(&host.mounts)?;
        let place = self.place(&host)?;
        let directory = inode(&host, &self.etc)?;
        self.remember(&host);
        let files: Vec<Inode> = self.former.iter().copied().collect();
        let own = Own { directory, plain: place.plain, files: &files };
        Some(root::of_file(&own, &touched(event)))
    }

    /// The files as they are now; those of before are still the host's, for who had them open.
    fn remember(&mut self, host: &Mounts<'_>) {
        for file in FILES {
            let Some(now) = inode(host, &self.etc.join(file)) else { continue };
            if !self.former.contains(&now) {
                self.former.push_back(now);
            }
        }
        while self.former.len() > FORMER {
            self.former.pop_front();
        }
    }
}

/// A file as PATH records have it: the device of its mount, and the inode.
fn inode(host: &Mounts<'_>, path: &Path) -> Option<Inode> {
    let device = host.place(path.as_os_str().as_bytes())?.device;
    Some(Inode { device, number: fs::metadata(path).ok()?.ino() })
}

/// What the PATH records of an event say.
fn touched(event: &AuditDocument<'_>) -> Touched {
    let mut touched = Touched::default();
    for record in event.event.records_of(RecordType::PATH) {
        let (path, _) = PathRecord::parse_with_rest(record.body);
        let number = std::str::from_utf8(path.inode).ok().and_then(|number| number.parse().ok());
        let known = || Some(Inode { device: Device::hexadecimal(path.dev)?, number: number? });
        match (path.nametype, known()) {
            // What was not there has neither.
            (b"UNKNOWN", _) => {}
            (b"PARENT", Some(inode)) => touched.directories.push(inode),
            (_, Some(inode)) => touched.files.push(inode),
            (_, None) => touched.partial = true,
        }
    }
    touched
}

fn one(values: Values<'_>) -> Option<&[u8]> {
    match values {
        Values::One(Field::Text(text)) => Some(text),
        _ => None,
    }
}
