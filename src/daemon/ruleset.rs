//! The rules of a running daemon, with all that was read for them: which files, with which content.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::status::File;
use super::trial;
use crate::diagnostic::{Diagnostic, Level};
use crate::rule::load::{self, VENDOR_RULES};
use crate::rule::{Rule, Skipped};

/// The directories of a site's policy.
const POLICY: [&str; 3] = ["lists.d", "overrides.d", "exceptions.d"];

/// How often reading is begun again because a file changed under it.
const TRIES: usize = 20;

/// The pause before.
const PAUSE: Duration = Duration::from_millis(50);

/// The deepest that directories are looked into, and the most files.
const DEEPEST: usize = 32;
const MOST_FILES: usize = 30_000;

/// See the module.
#[derive(Debug, Default)]
pub struct RuleSet {
    /// The rules that can be used.
    pub rules: Vec<Arc<Rule>>,
    /// All faults, warnings too.
    pub faults: Vec<Diagnostic>,
    /// What was read and is not run, and why.
    pub skipped: Vec<Skipped>,
    /// Every file read, with its hash, by path.
    pub files: Vec<File>,
    /// SHA-256 over `files`, in hex.
    pub hash: String,
}

/// What tells a file from its former self: device, inode, size, times of change.
type Print = (u64, u64, u64, i64, i64, i64, i64);

impl RuleSet {
    /// Reads the rules of `paths` (none: what is installed), with the policy below `site`.
    ///
    /// A directory that changes while it is read is read again, so that what comes out is its content at
    /// one moment; one that never comes to rest is taken as it is after a second.
    #[must_use]
    pub fn read(paths: &[PathBuf], site: &Path) -> Self {
        let roots = roots(paths, site);
        for _ in 1..TRIES {
            let before = prints(&roots);
            let set = Self::read_once(paths, site, before.keys());
            if prints(&roots) == before {
                return set;
            }
            std::thread::sleep(PAUSE);
        }
        Self::read_once(paths, site, prints(&roots).keys())
    }

    fn read_once<'a>(paths: &[PathBuf], site: &Path, files: impl Iterator<Item = &'a PathBuf>) -> Self {
        let mut loaded = load::effective(paths, site);
        trial::refuse_silencing(&mut loaded);
        let mut hashed: BTreeMap<String, String> = BTreeMap::new();
        for file in files {
            if let Ok(bytes) = fs::read(file) {
                hashed.insert(file.display().to_string(), hex(&Sha256::digest(bytes)));
            }
        }
        for rule in loaded.rules.iter().filter(|rule| rule.path.is_none()) {
            hashed.insert(format!("embedded {}", rule.source.name.display()), sha256(&rule.source.text));
        }
        let files: Vec<File> = hashed.into_iter().map(|(path, sha256)| File { path, sha256 }).collect();
        let lines = files.iter().map(|file| format!("{}  {}\n", file.sha256, file.path));
        let hash = sha256(&lines.collect::<String>());
        Self { rules: loaded.rules, faults: loaded.diagnostics, skipped: loaded.skipped, files, hash }
    }

    /// The faults for which something is left out.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.faults.iter().filter(|fault| fault.level == Level::Error)
    }
}

fn sha256(text: &str) -> String {
    hex(&Sha256::digest(text))
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where files are read from.
fn roots(paths: &[PathBuf], site: &Path) -> Vec<PathBuf> {
    let policy = POLICY.iter().map(|name| site.join(name));
    let rules = match paths {
        [] => vec![PathBuf::from(VENDOR_RULES), site.join("rules.d")],
        paths => paths.to_vec(),
    };
    rules.into_iter().chain(policy).collect()
}

/// The files below `roots` that rules and policy are read from.
fn prints(roots: &[PathBuf]) -> BTreeMap<PathBuf, Print> {
    let (mut found, mut met) = (BTreeMap::new(), HashSet::new());
    for root in roots {
        look(root, true, 0, &mut found, &mut met);
    }
    found
}

fn look(
    path: &Path,
    named: bool,
    depth: usize,
    found: &mut BTreeMap<PathBuf, Print>,
    met: &mut HashSet<(u64, u64)>,
) {
    let Ok(metadata) = fs::metadata(path) else { return };
    let is_rules = path.extension().is_some_and(|extension| extension == "toml" || extension == "ndjson");
    let wanted = metadata.is_dir() || is_rules || named;
    if !wanted || found.len() == MOST_FILES || !met.insert((metadata.dev(), metadata.ino())) {
        return;
    }
    if !metadata.is_dir() {
        if metadata.is_file() {
            found.insert(path.to_owned(), print(&metadata));
        }
        return;
    }
    let Ok(entries) = fs::read_dir(path) else { return };
    for entry in entries.flatten().filter(|_| depth < DEEPEST) {
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            look(&entry.path(), false, depth + 1, found, met);
        }
    }
}

fn print(m: &fs::Metadata) -> Print {
    (m.dev(), m.ino(), m.size(), m.mtime(), m.mtime_nsec(), m.ctime(), m.ctime_nsec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(uuid: u8) -> String {
        format!(
            "[rule]\nrule_id = \"{uuid}\"\nname = \"n{uuid}\"\ndescription = \"d\"\ntype = \"eql\"\nseverity = \
             \"low\"\nrisk_score = 1\nquery = 'any where user.id == \"{uuid}\"'\n"
        )
    }

    #[test]
    fn the_hash_is_of_every_file_that_counts() {
        let site = tempfile::tempdir().expect("a directory");
        let rules = site.path().join("rules.d");
        fs::create_dir_all(site.path().join("lists.d")).expect("a directory");
        fs::create_dir_all(rules.join("deep/.git")).expect("a directory");
        fs::write(rules.join("deep/a.toml"), rule(1)).expect("a file");
        fs::write(rules.join("deep/.git/b.toml"), rule(2)).expect("a file");
        fs::write(rules.join("notes.txt"), "x").expect("a file");
        let read = || RuleSet::read(std::slice::from_ref(&rules), site.path());
        let first = read();
        assert_eq!((first.rules.len(), first.files.len()), (1, 1), "{first:?}");
        assert_eq!(first.files[0].sha256, sha256(&rule(1)));
        assert_eq!(read().hash, first.hash);
        fs::write(site.path().join("lists.d/l.toml"), "[[list]]\nname = \"x\"\nvalues = [\"a\"]\n")
            .expect("a file");
        let second = read();
        assert_eq!(second.files.len(), 2);
        assert_ne!(second.hash, first.hash);
        fs::write(rules.join("deep/a.toml"), rule(3)).expect("a file");
        assert_ne!(read().hash, second.hash);
    }

    #[test]
    fn embedded_rules_are_hashed_too() {
        let nowhere = tempfile::tempdir().expect("a directory");
        if Path::new(VENDOR_RULES).exists() {
            return println!("skipped: {VENDOR_RULES} is installed here");
        }
        let set = RuleSet::read(&[], nowhere.path());
        assert!(!set.files.is_empty() && set.files.iter().all(|file| file.path.starts_with("embedded ")));
        assert_eq!(set.files.len(), set.rules.len());
    }

    /// Half of F51: four files that are put in place one after the other while the directory is read.
    #[test]
    fn a_directory_that_changes_is_read_again() {
        let site = tempfile::tempdir().expect("a directory");
        let rules = site.path().join("rules.d");
        fs::create_dir(&rules).expect("a directory");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for n in 1..=4 {
                    fs::write(rules.join(format!("{n}.toml")), rule(n)).expect("a file");
                    std::thread::sleep(Duration::from_millis(3));
                }
            });
            for _ in 0..20 {
                let set = RuleSet::read(std::slice::from_ref(&rules), site.path());
                let broken = set.errors().count();
                assert_eq!(set.rules.len() + broken, set.files.len(), "the listing is that of the rules");
            }
        });
        assert_eq!(RuleSet::read(&[rules], site.path()).rules.len(), 4);
    }
}
