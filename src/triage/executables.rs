//! The programs of a chain: whether they are what and where they should be.
//!
//! File facts and SHA-256 come from the probe, which reads the very file that the process runs, whatever its path names
//! now. Whose a file is, `packages` says.

use std::collections::HashMap;
use std::path::Path;
use std::time::Instant;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::chain::Link;
use super::packages::{Packages, Whose};
use super::{Missing, rfc3339, shown};
use crate::probe::process::FileFacts;
use crate::probe::{Client, Target};

/// Programs whose digest is remembered.
const REMEMBERED: usize = 512;

/// A program larger than this is not read: it would take longer than an alert may wait.
const LARGEST: u64 = 16 << 20;

/// Where distributions and administrators put programs.
const USUAL: [&str; 14] = [
    "/usr/bin/",
    "/usr/sbin/",
    "/bin/",
    "/sbin/",
    "/usr/lib/",
    "/usr/lib32/",
    "/usr/lib64/",
    "/usr/libexec/",
    "/lib/",
    "/lib64/",
    "/usr/local/bin/",
    "/usr/local/sbin/",
    "/opt/",
    "/snap/",
];

/// How long after its time of installation a package manager may still be at the files of a package, in seconds.
const UNPACKING: i64 = 60;

/// Device, inode, time of the last change in nanoseconds, size: by which a file is known again.
type Key = (u64, u64, i64, u64);

/// What was found out of programs, kept for the next alert.
#[derive(Debug, Default)]
pub(super) struct Known {
    digests: HashMap<Key, String>,
    packages: Packages,
}

/// Adds what is known of its program to each link that still runs.
pub(super) fn tell(
    links: &mut [Link],
    known: &mut Known,
    root: &Path,
    probe: &mut Client,
    until: Instant,
    missing: &mut Vec<Missing>,
) {
    known.refresh(root);
    let mut seen = Vec::new();
    for (at, link) in links.iter_mut().enumerate() {
        let Some(target) = link.target else { continue };
        if Instant::now() >= until {
            missing.push(Missing::of("programs", "there was no time left"));
            break;
        }
        let facts = match probe.process(target) {
            Ok(process) => process,
            Err(why) => {
                link.told.insert("file".to_owned(), json!({ "missing": why.to_string() }));
                continue;
            }
        };
        let Some(path) =
            facts.executable.as_ref().map(|text| String::from_utf8_lossy(&text.bytes).into_owned())
        else {
            // A thread of the kernel's has no program.
            continue;
        };
        seen.push(Seen { at, path, file: facts.file, target });
    }
    let with_file = seen.iter().filter(|seen| seen.file.is_some());
    let paths: Vec<&str> = with_file.map(|seen| seen.path_without_mark()).collect();
    let packages: HashMap<&str, Whose> =
        paths.iter().copied().zip(known.packages.of(root, &paths, until)).collect();
    let mut told: Vec<(String, Value)> = Vec::new();
    for one in &seen {
        // A shell that stands twice in the chain is looked at once.
        let same = one.file.map(|file| format!("{} {} {}", one.path, file.device, file.inode));
        let same = same.unwrap_or_else(|| one.path.clone());
        let before = told.iter().find(|(key, _)| *key == same).map(|(_, value)| value.clone());
        let value = before.unwrap_or_else(|| known.tell(one, &packages, probe, until));
        if let Some(link) = links.get_mut(one.at) {
            link.told.insert("file".to_owned(), value.clone());
        }
        told.push((same, value));
    }
}

/// The program of a link.
struct Seen {
    at: usize,
    path: String,
    file: Option<FileFacts>,
    target: Target,
}

/// What the kernel writes behind the path of a file that is gone.
const DELETED: &str = " (deleted)";

impl Seen {
    fn path_without_mark(&self) -> &str {
        self.path.strip_suffix(DELETED).unwrap_or(&self.path)
    }
}

impl Known {
    fn refresh(&mut self, root: &Path) {
        self.packages.refresh(root);
        if self.digests.len() > REMEMBERED {
            self.digests.clear();
        }
    }

    fn tell(
        &mut self,
        seen: &Seen,
        packages: &HashMap<&str, Whose>,
        probe: &mut Client,
        until: Instant,
    ) -> Value {
        let Seen { file, target, .. } = *seen;
        let deleted = seen.path.ends_with(DELETED);
        let path = seen.path_without_mark();
        let in_memory = path.starts_with("/memfd:");
        let mut told = Map::new();
        let mut unknown: Vec<String> = Vec::new();
        told.insert("path".to_owned(), shown(path).into());
        told.insert("deleted".to_owned(), deleted.into());
        told.insert("in_memory_only".to_owned(), in_memory.into());
        told.insert("usual_place".to_owned(), is_usual(path).into());
        let Some(file) = file else {
            told.insert("missing".to_owned(), "what stat(2) says of it".into());
            return told.into();
        };
        told.insert("mode".to_owned(), format!("{:04o}", file.mode & 0o7777).into());
        told.insert("world_writable".to_owned(), (file.mode & 0o002 != 0).into());
        told.insert("owner_id".to_owned(), file.uid.to_string().into());
        told.insert("size".to_owned(), file.size.into());
        for (key, time) in [("modified", file.modified), ("changed", file.changed)] {
            let time = Timestamp::from_nanosecond(i128::from(time)).map(rfc3339);
            told.insert(key.to_owned(), time.unwrap_or_default().into());
        }
        let digest = self.digest(file, target, probe, until);
        match &digest {
            Ok(sha256) => {
                told.insert("hash".to_owned(), json!({ "sha256": sha256 }));
            }
            Err(why) => unknown.push(format!("hash: {why}")),
        }
        match packages.get(path) {
            Some(Ok(Some(package))) => {
                told.insert("package".to_owned(), shown(&package.name).into());
                let changed = match (&package.sha256, &digest) {
                    (Some(packed), Ok(sha256)) => packed != sha256,
                    _ => file.changed.div_euclid(1_000_000_000) > package.installed + UNPACKING,
                };
                told.insert("changed_after_install".to_owned(), changed.into());
            }
            Some(Ok(None)) => {
                told.insert("package".to_owned(), "none".into());
            }
            Some(Err(why)) => unknown.push(format!("package: {why}")),
            None => {}
        }
        if !unknown.is_empty() {
            told.insert("missing".to_owned(), unknown.into());
        }
        told.into()
    }

    fn digest(
        &mut self,
        file: FileFacts,
        target: Target,
        probe: &mut Client,
        until: Instant,
    ) -> Result<String, String> {
        let key = (file.device, file.inode, file.changed, file.size);
        if let Some(known) = self.digests.get(&key) {
            return Ok(known.clone());
        }
        if file.size > LARGEST {
            return Err("the file is larger than is read".to_owned());
        }
        if Instant::now() >= until {
            return Err("there was no time left".to_owned());
        }
        let digest = probe.digest(target).map_err(|why| why.to_string())?;
        let text: String = digest.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        self.digests.insert(key, text.clone());
        Ok(text)
    }
}

fn is_usual(path: &str) -> bool {
    !path.split('/').any(|part| part == "..") && USUAL.iter().any(|place| path.starts_with(place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_places_are_those_of_packages_and_administrators() {
        assert!(["/usr/bin/bash", "/usr/lib/systemd/systemd", "/opt/x/y"].into_iter().all(is_usual));
        let odd =
            ["/tmp/usermod", "/home/a/bin/x", "/dev/shm/x", "/usr/bin/../../tmp/x", "/memfd:x", "/var/www/x"];
        assert!(!odd.into_iter().any(is_usual));
    }
}
