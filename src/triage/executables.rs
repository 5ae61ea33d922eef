//! The programs of a chain: whether they are what and where they should be.
//!
//! File facts and SHA-256 come from the probe, which reads the very file that the process runs, whatever its path names
//! now. dpkg says whose a file is, by its lists; another package manager's database is not read.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::chain::Link;
use super::{Missing, rfc3339, shown};
use crate::probe::process::FileFacts;
use crate::probe::{Client, Target};

/// Programs and packages that are remembered.
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

/// How long after its list dpkg may still be at the files of a package, in seconds.
const UNPACKING: i64 = 60;

/// Device, inode, time of the last change in nanoseconds, size: by which a file is known again.
type Key = (u64, u64, i64, u64);

/// What was found out of programs, kept for the next alert.
#[derive(Debug, Default)]
pub(super) struct Known {
    digests: HashMap<Key, String>,
    packages: HashMap<String, Option<Package>>,
    /// When dpkg last changed its database.
    database: Option<(i64, i64)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Package {
    name: String,
    /// When its list was written, in seconds since the Unix epoch.
    installed: i64,
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
    let mut told: Vec<(String, Value)> = Vec::new();
    for link in links {
        let Some(target) = link.target else { continue };
        if Instant::now() >= until {
            missing.push(Missing::of("programs", "there was no time left"));
            return;
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
        // A shell that stands twice in the chain is looked at once.
        let same =
            facts.file.map(|file| format!("{path} {} {}", file.device, file.inode)).unwrap_or(path.clone());
        let before = told.iter().find(|(key, _)| *key == same).map(|(_, value)| value.clone());
        let value = before.unwrap_or_else(|| known.of(root, &path, facts.file, target, probe, until));
        link.told.insert("file".to_owned(), value.clone());
        told.push((same, value));
    }
}

impl Known {
    /// What dpkg has changed since is asked for anew.
    fn refresh(&mut self, root: &Path) {
        let changed =
            fs::metadata(root.join("var/lib/dpkg/status")).ok().map(|of| (of.mtime(), of.mtime_nsec()));
        if changed != self.database || self.packages.len() > REMEMBERED {
            self.packages.clear();
            self.database = changed;
        }
        if self.digests.len() > REMEMBERED {
            self.digests.clear();
        }
    }

    fn of(
        &mut self,
        root: &Path,
        path: &str,
        file: Option<FileFacts>,
        target: Target,
        probe: &mut Client,
        until: Instant,
    ) -> Value {
        let deleted = path.ends_with(" (deleted)");
        let path = path.strip_suffix(" (deleted)").unwrap_or(path);
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
        match self.digest(file, target, probe, until) {
            Ok(sha256) => {
                told.insert("hash".to_owned(), json!({ "sha256": sha256 }));
            }
            Err(why) => unknown.push(format!("hash: {why}")),
        }
        match self.package(root, path, until) {
            Ok(Some(package)) => {
                told.insert("package".to_owned(), shown(&package.name).into());
                let changed = file.changed.div_euclid(1_000_000_000) > package.installed + UNPACKING;
                told.insert("changed_after_install".to_owned(), changed.into());
            }
            Ok(None) => {
                told.insert("package".to_owned(), "none".into());
            }
            Err(why) => unknown.push(format!("package: {why}")),
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

    /// Whose a file is.
    fn package(&mut self, root: &Path, path: &str, until: Instant) -> Result<Option<Package>, String> {
        if let Some(known) = self.packages.get(path) {
            return Ok(known.clone());
        }
        let directory = root.join("var/lib/dpkg/info");
        let lists = fs::read_dir(&directory).map_err(|_| "this host has no dpkg database".to_owned())?;
        // Where /bin is /usr/bin, packages may still name the one or the other.
        let other = match path.strip_prefix("/usr") {
            Some(rest) => rest.to_owned(),
            None => format!("/usr{path}"),
        };
        let wanted = [path.as_bytes(), other.as_bytes()];
        for (count, list) in lists.flatten().map(|entry| entry.path()).enumerate() {
            if count % 64 == 63 && Instant::now() >= until {
                return Err("there was no time left".to_owned());
            }
            if list.extension().is_none_or(|end| end != "list") {
                continue;
            }
            if let Some(package) = lists_one_of(&list, &wanted) {
                self.packages.insert(path.to_owned(), Some(package.clone()));
                return Ok(Some(package));
            }
        }
        self.packages.insert(path.to_owned(), None);
        Ok(None)
    }
}

fn lists_one_of(list: &PathBuf, wanted: &[&[u8]; 2]) -> Option<Package> {
    let text = fs::read(list).ok()?;
    let listed = |path: &[u8]| {
        memchr::memmem::find_iter(&text, path).any(|at| {
            let starts = at == 0 || text.get(at - 1) == Some(&b'\n');
            starts && text.get(at + path.len()).is_none_or(|byte| *byte == b'\n')
        })
    };
    if !wanted.iter().any(|path| listed(path)) {
        return None;
    }
    let name = list.file_stem()?.to_string_lossy().into_owned();
    let installed = fs::metadata(list).ok()?.mtime();
    Some(Package { name, installed })
}

fn is_usual(path: &str) -> bool {
    !path.split('/').any(|part| part == "..") && USUAL.iter().any(|place| path.starts_with(place))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(600)
    }

    #[test]
    fn dpkgs_lists_say_whose_a_file_is() {
        let root = tempfile::tempdir().expect("a directory");
        let info = root.path().join("var/lib/dpkg/info");
        fs::create_dir_all(&info).expect("a directory");
        fs::write(info.join("passwd.list"), "/.\n/usr/sbin\n/usr/sbin/usermod\n").expect("written");
        fs::write(info.join("login.list"), "/bin/su\n/usr/sbin/usermod.d\n").expect("written");
        fs::write(info.join("passwd.md5sums"), "x  /usr/sbin/else\n").expect("written");
        let mut known = Known::default();
        let mut of = |path: &str| {
            let package = known.package(root.path(), path, soon()).expect("a database");
            package.map(|package| package.name)
        };
        assert_eq!(of("/usr/sbin/usermod").as_deref(), Some("passwd"));
        assert_eq!(of("/sbin/usermod").as_deref(), Some("passwd"), "before /usr was merged");
        assert_eq!(of("/usr/bin/su").as_deref(), Some("login"));
        for path in ["/usr/sbin/usermo", "/usr/sbin/usermod.d/x", "/usr/sbin/else", "/tmp/usr/sbin/usermod"] {
            assert_eq!(of(path), None, "{path}");
        }
        let none = tempfile::tempdir().expect("a directory");
        assert!(Known::default().package(none.path(), "/bin/su", soon()).is_err());
    }

    #[test]
    fn usual_places_are_those_of_packages_and_administrators() {
        assert!(["/usr/bin/bash", "/usr/lib/systemd/systemd", "/opt/x/y"].into_iter().all(is_usual));
        let odd =
            ["/tmp/usermod", "/home/a/bin/x", "/dev/shm/x", "/usr/bin/../../tmp/x", "/memfd:x", "/var/www/x"];
        assert!(!odd.into_iter().any(is_usual));
    }
}
