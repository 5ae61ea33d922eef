//! Where on this host the programs lie that a detection rule can name.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Where programs are looked for: the usual search path of root and of users.
pub(super) const STANDARD_DIRECTORIES: [&str; 6] =
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// A `process.name` as a detection rule gives it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProgramName {
    /// The name.
    pub text: String,
    /// Whether `*` and `?` in it stand for any characters and for one.
    pub wildcards: bool,
    /// Whether upper and lower case are the same.
    pub ignore_case: bool,
}

impl ProgramName {
    /// Exactly this name.
    #[must_use]
    pub fn exact(text: &str) -> Self {
        Self { text: text.to_owned(), wildcards: false, ignore_case: false }
    }

    /// Whether a file of this name is meant.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let fold = |text: &str| -> Vec<char> {
            if self.ignore_case {
                text.chars().flat_map(char::to_lowercase).collect()
            } else {
                text.chars().collect()
            }
        };
        let (pattern, name) = (fold(&self.text), fold(name));
        if self.wildcards { wildcard_matches(&pattern, &name) } else { pattern == name }
    }
}

/// Whether `name` fits a pattern of `*` and `?`; at most pattern × name steps.
fn wildcard_matches(pattern: &[char], name: &[char]) -> bool {
    let (mut p, mut n) = (0, 0);
    // The last star, and how far its text reached.
    let mut star: Option<(usize, usize)> = None;
    while let Some(&this) = name.get(n) {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(&c) if c == '?' || c == this => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((at, reached)) = star else { return false };
                star = Some((at, reached + 1));
                p = at + 1;
                n = reached + 1;
            }
        }
    }
    pattern.iter().skip(p).all(|&c| c == '*')
}

/// A program file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Absolute, without symbolic links.
    pub path: String,
    /// Device and inode.
    pub identity: (u64, u64),
}

/// What was found for a set of names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Programs {
    /// Each file once, by path.
    pub found: Vec<Program>,
    /// Names that are symbolic links to a binary of another name, and that binary. The kernel tells
    /// only the binary's name, so that no execution is ever called by the link's. (A script is called
    /// by the name it was asked for by, so a link to one counts as found.)
    pub aliases: Vec<(String, String)>,
    /// Names without a file.
    pub absent: Vec<String>,
    /// Files whose path no audit rule can be written for.
    pub unwritable: Vec<String>,
}

impl Programs {
    /// Looks for executable files in `directories`. What cannot be read is passed over.
    #[must_use]
    pub fn find(names: &[ProgramName], directories: &[&str]) -> Self {
        let mut programs = Self::default();
        let mut seen: BTreeMap<(u64, u64), ()> = BTreeMap::new();
        let mut present = vec![false; names.len()];
        for file in executables(directories) {
            let Some(name) = file.file_name().and_then(|n| n.to_str()) else { continue };
            let mut named = false;
            for (wanted, present) in names.iter().zip(&mut present) {
                if wanted.matches(name) {
                    named = true;
                    *present = true;
                }
            }
            if named {
                programs.add(name, &file, &mut seen);
            }
        }
        let absent = names.iter().zip(present).filter(|(_, present)| !present);
        programs.absent = absent.map(|(name, _)| name.text.clone()).collect();
        programs.found.sort_by(|a, b| a.path.cmp(&b.path));
        programs.absent.sort();
        programs.absent.dedup();
        programs.aliases.sort();
        programs.aliases.dedup();
        programs
    }

    fn add(&mut self, name: &str, file: &Path, seen: &mut BTreeMap<(u64, u64), ()>) {
        let Ok(target) = fs::canonicalize(file) else { return };
        let Ok(metadata) = fs::metadata(&target) else { return };
        let identity = (metadata.dev(), metadata.ino());
        let writable = target.to_str().filter(|p| !p.contains(|c: char| c.is_whitespace() || c.is_control()));
        let Some(path) = writable else {
            self.unwritable.push(target.to_string_lossy().escape_default().to_string());
            return;
        };
        if target.file_name().is_some_and(|base| base != name) && is_elf(&target) {
            // Its executions are called by the file's own name, never by the link's.
            self.aliases.push((name.to_owned(), path.to_owned()));
            return;
        }
        if seen.insert(identity, ()).is_none() {
            self.found.push(Program { path: path.to_owned(), identity });
        }
    }
}

/// Whether the file is known to be a binary of the kernel's usual format.
pub(super) fn is_elf(path: &Path) -> bool {
    let mut magic = [0; 4];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok() && magic == *b"\x7fELF"
}

/// The executable files of `directories`; a directory reached by several names is read once.
fn executables(directories: &[&str]) -> impl Iterator<Item = PathBuf> {
    let mut real: Vec<PathBuf> = Vec::new();
    for directory in directories.iter().filter_map(|d| fs::canonicalize(d).ok()) {
        if !real.contains(&directory) {
            real.push(directory);
        }
    }
    real.into_iter()
        .flat_map(|d| fs::read_dir(d).into_iter().flatten().flatten())
        .map(|e| e.path())
        .filter(|path| fs::metadata(path).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn names_with_wildcards_and_case() {
        let name = |text: &str, wildcards, ignore_case| ProgramName {
            text: text.to_owned(),
            wildcards,
            ignore_case,
        };
        assert!(name("usermod", false, false).matches("usermod"));
        assert!(!name("UserMod", false, false).matches("usermod"));
        assert!(name("UserMod", false, true).matches("usermod"));
        assert!(!name("user*", false, true).matches("usermod"));
        assert!(name("USER*", true, true).matches("usermod"));
        assert!(name("*", true, false).matches("x"));
        assert!(name("python?.*", true, false).matches("python3.11"));
        assert!(!name("python?.*", true, false).matches("python3"));
        assert!(name("*a*b*c", true, false).matches("xxabxbxc"));
        assert!(!name("*a*b*c", true, false).matches("xxabxbxcd"));
        assert!(name("", true, false).matches(""));
    }

    #[test]
    fn one_rule_for_one_file_however_it_is_reached() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        fs::create_dir_all(path("usr/bin")).unwrap();
        fs::create_dir_all(path("usr/libexec")).unwrap();
        symlink("usr/bin", path("bin")).unwrap();
        let program = |name: &str, mode| {
            fs::write(path(name), "#!/bin/sh\n").unwrap();
            fs::set_permissions(path(name), fs::Permissions::from_mode(mode)).unwrap();
        };
        program("usr/bin/usermod", 0o755);
        program("usr/bin/useradd", 0o644);
        program("usr/libexec/vim.basic", 0o755);
        fs::write(path("usr/libexec/vim.basic"), b"\x7fELF\x02").unwrap();
        program("usr/libexec/adduser.pl", 0o755);
        program("usr/bin/with blank", 0o755);
        fs::hard_link(path("usr/bin/usermod"), path("usr/bin/usermod2")).unwrap();
        symlink("../libexec/vim.basic", path("usr/bin/vi")).unwrap();
        symlink("../libexec/adduser.pl", path("usr/bin/adduser")).unwrap();
        let names = ["usermod", "usermod2", "useradd", "vi", "adduser", "with blank", "groupmod"];
        let names = names.map(ProgramName::exact);
        let directories = [path("bin"), path("usr/bin"), path("nowhere")];
        let directories: Vec<&str> = directories.iter().filter_map(|d| d.to_str()).collect();
        let programs = Programs::find(&names, &directories);

        assert_eq!(programs.found.len(), 2, "{programs:?}");
        assert!(programs.found.iter().any(|p| p.path.contains("usr/bin/usermod")));
        let of = |name: &str| path(name).to_str().unwrap().to_owned();
        assert!(programs.found.iter().any(|p| p.path == of("usr/libexec/adduser.pl")));
        let vim = of("usr/libexec/vim.basic");
        assert_eq!(programs.aliases, [("vi".to_owned(), vim)]);
        assert_eq!(programs.absent, ["groupmod", "useradd"]);
        assert_eq!(programs.unwritable.len(), 1);
    }
}
