//! Kernel rules for other things than executions: which calls of which programs, which files, and what is
//! merged into one rule.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::programs::{ProgramName, Programs, is_elf};
use super::{Abi, Access, Needs, Profile, Rule, Scope, What};

/// Something that a detection rule needs to see, beside executions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActNeed {
    /// The detection rule's name.
    pub rule: String,
    /// What is to be recorded.
    pub what: Recorded,
    /// Of whom, or on what.
    pub of: Of,
}

/// What is to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// System calls, by their names on any architecture.
    Calls(Vec<&'static str>),
    /// Accesses of files.
    Access(Access),
}

/// Of whom, or on what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Of {
    /// Of everybody: it is done seldom enough.
    Everybody,
    /// Of the programs of these names.
    Programs(Vec<ProgramName>),
    /// On these files and directories.
    Paths(Vec<PathName>),
    /// Of everybody, and done all the time: only under [`Profile::All`].
    Unbounded,
}

/// A place in the file system as a detection rule names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PathName {
    /// An absolute path.
    pub text: String,
    /// Whether everything below it is meant.
    pub below: bool,
}

/// Below these, files are written all the time: a watch on the whole is no narrow one.
const BUSY: [&str; 16] = [
    "/", "/dev", "/dev/shm", "/home", "/mnt", "/opt", "/proc", "/run", "/srv", "/sys", "/tmp", "/usr",
    "/var", "/var/lib", "/var/log", "/var/tmp",
];

impl PathName {
    /// The narrowest place that holds all paths that begin with `start` (or are it, if `whole`); none
    /// where that is a directory in which files are written all the time.
    #[must_use]
    pub fn of(start: &str, whole: bool) -> Option<Self> {
        let writable = |path: &str| !path.contains(|c: char| c.is_whitespace() || c.is_control());
        if !start.starts_with('/') || !writable(start) {
            return None;
        }
        let below = if whole { start } else { start.get(..start.rfind('/')?)? };
        let text = below.trim_end_matches('/');
        let busy = text.is_empty() || BUSY.contains(&text);
        (!busy).then(|| Self { text: text.to_owned(), below: !whole })
    }
}

/// Needs, merged by scope.
#[derive(Debug, Default)]
pub(super) struct Scoped {
    calls: BTreeMap<Scope, BTreeSet<&'static str>>,
    access: BTreeMap<Scope, u32>,
    /// What cannot be narrowed, in words, and the rules that need it.
    unbounded: BTreeMap<String, BTreeSet<String>>,
    pub(super) absent: Vec<String>,
}

impl Scoped {
    pub(super) fn of(needs: &[ActNeed], profile: Profile, directories: &[&str]) -> Self {
        let mut scoped = Self::default();
        let mut found = BTreeMap::new();
        let mut absent = BTreeSet::new();
        for need in needs {
            let scopes = match (&need.of, profile) {
                (Of::Paths(paths), _) => paths.iter().filter_map(|path| place(path, &mut absent)).collect(),
                (Of::Everybody, _) | (_, Profile::All) => vec![Scope::Everything],
                (Of::Programs(names), _) => names
                    .iter()
                    .flat_map(|name| {
                        found.entry(name.clone()).or_insert_with(|| binaries(name, directories)).clone()
                    })
                    .map(Scope::Executable)
                    .collect(),
                (Of::Unbounded, _) => {
                    scoped.unbounded.entry(need.what.words()).or_default().insert(need.rule.clone());
                    continue;
                }
            };
            for scope in scopes {
                match &need.what {
                    Recorded::Calls(names) => scoped.calls.entry(scope).or_default().extend(names),
                    Recorded::Access(access) => *scoped.access.entry(scope).or_default() |= access.0,
                }
            }
        }
        scoped.absent = absent.into_iter().collect();
        scoped.drop_what_is_wider_already();
        scoped
    }

    /// What is recorded of everybody needs no rule of one program's.
    fn drop_what_is_wider_already(&mut self) {
        if let Some(everybody) = self.calls.get(&Scope::Everything).cloned() {
            let others = self.calls.iter_mut().filter(|(scope, _)| **scope != Scope::Everything);
            others.for_each(|(_, calls)| calls.retain(|call| !everybody.contains(call)));
            self.calls.retain(|_, calls| !calls.is_empty());
        }
        if let Some(everybody) = self.access.get(&Scope::Everything).copied() {
            self.access.retain(|scope, access| *scope == Scope::Everything || *access & !everybody != 0);
        }
    }

    pub(super) fn rules(&self, abis: &[Abi]) -> Vec<Rule> {
        let calls = self.calls.iter().flat_map(|(scope, names)| {
            abis.iter().filter_map(move |&abi| Rule::calls(abi, names.iter().copied(), scope.clone()))
        });
        let access = self
            .access
            .iter()
            .map(|(scope, bits)| Rule { what: What::Access(Access(*bits)), scope: scope.clone() });
        calls.chain(access).collect()
    }

    pub(super) fn left_out(&self) -> Vec<String> {
        let line = |(what, rules): (&String, &BTreeSet<String>)| {
            let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
            format!("{what} of any program: {}", rules.join(", "))
        };
        self.unbounded.iter().map(line).collect()
    }
}

impl Needs {
    /// Whether `rule` is one of those that these needs come to, on whatever host.
    #[must_use]
    pub fn ask_for(&self, rule: &Rule) -> bool {
        let executes = matches!(&rule.what, What::Calls(_, names) if names.contains(&"execve"));
        let named = |path: &str, names: &[ProgramName]| {
            let name = path.rsplit('/').next().unwrap_or_default();
            names.iter().any(|program| program.matches(name))
        };
        if executes {
            return match &rule.scope {
                Scope::Path(path) => !self.every_exec.is_empty() || named(path, &self.programs),
                _ => !self.every_exec.is_empty() || !self.programs.is_empty(),
            };
        }
        let same_what = |need: &Recorded| match (need, &rule.what) {
            (Recorded::Calls(wanted), What::Calls(_, names)) => {
                wanted.iter().any(|call| names.contains(call))
            }
            (Recorded::Access(wanted), What::Access(access)) => wanted.0 & access.0 != 0,
            _ => false,
        };
        self.acts.iter().any(|need| {
            let of = match (&need.of, &rule.scope) {
                (_, Scope::Everything) => true,
                (Of::Programs(names), Scope::Executable(path)) => named(path, names),
                (Of::Paths(paths), scope) => {
                    paths.iter().any(|path| place(path, &mut BTreeSet::new()).as_ref() == Some(scope))
                }
                _ => false,
            };
            of && same_what(&need.what)
        })
    }
}

impl Recorded {
    fn words(&self) -> String {
        match self {
            Self::Calls(names) => names.join(", "),
            Self::Access(access) if *access == Access::CHANGE => "file changes".to_owned(),
            Self::Access(_) => "file accesses".to_owned(),
        }
    }
}

/// Where a path leads here. What is missing is watched by its name, as long as the directory for it is there; of a file whose directory
/// is missing, that one's name. Such a watch sees what comes into the directory once it is made.
fn place(path: &PathName, absent: &mut BTreeSet<String>) -> Option<Scope> {
    let written = Path::new(&path.text);
    let in_its_folder = |name: &Path| Some(fs::canonicalize(name.parent()?).ok()?.join(name.file_name()?));
    let real = fs::canonicalize(written).ok().or_else(|| in_its_folder(written));
    let real = real.or_else(|| in_its_folder(written.parent().filter(|_| !path.below)?));
    let real = real.and_then(|real| Some(real.to_str()?.to_owned()));
    let Some(real) = real.filter(|real| PathName::of(real, true).is_some()) else {
        absent.insert(path.text.clone());
        return None;
    };
    Some(if Path::new(&real).is_dir() { Scope::Directory(real) } else { Scope::Path(real) })
}

/// The binaries of this name; a script is none, the kernel knows its interpreter only.
fn binaries(name: &ProgramName, directories: &[&str]) -> Vec<String> {
    let found = Programs::find(std::slice::from_ref(name), directories).found.into_iter();
    found.map(|program| program.path).filter(|path| is_elf(Path::new(path))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_as_narrow_as_the_pattern() {
        let place = |start, whole| PathName::of(start, whole).map(|place| (place.text, place.below));
        assert_eq!(place("/etc/passwd", true), Some(("/etc/passwd".to_owned(), false)));
        assert_eq!(place("/etc/cron.d/", false), Some(("/etc/cron.d".to_owned(), true)));
        assert_eq!(place("/etc/cron", false), Some(("/etc".to_owned(), true)));
        for busy in ["/", "/tmp/", "/tmp/x", "/home/", "", "relative/", "/a b/", "/usr/"] {
            assert_eq!(place(busy, false), None, "{busy}");
        }
        assert_eq!(place("/tmp/x", true), Some(("/tmp/x".to_owned(), false)));
    }

    #[test]
    fn what_is_missing_is_watched_by_name_where_its_directory_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().canonicalize().unwrap().join(name).to_str().unwrap().to_owned();
        let placed = |name: &str, below| {
            let mut absent = BTreeSet::new();
            let place = place(&PathName { text: at(name), below }, &mut absent);
            assert_eq!(place.is_none(), !absent.is_empty());
            place
        };
        // As /etc/userdb/* and /var/lib/extrausers/passwd are named.
        assert_eq!(placed("userdb", true), Some(Scope::Path(at("userdb"))));
        assert_eq!(placed("extrausers/passwd", false), Some(Scope::Path(at("extrausers"))));
        assert_eq!(placed("host/userdb", true), None, "nor is the directory for it there");
        fs::create_dir(at("userdb")).unwrap();
        fs::create_dir(at("extrausers")).unwrap();
        assert_eq!(placed("userdb", true), Some(Scope::Directory(at("userdb"))));
        assert_eq!(placed("extrausers/passwd", false), Some(Scope::Path(at("extrausers/passwd"))));
    }

    #[test]
    fn needs_of_one_scope_are_one_rule() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        fs::create_dir(at("bin")).unwrap();
        fs::copy("/bin/true", at("bin/nc")).unwrap();
        fs::write(at("bin/script"), "#!/bin/sh\n").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(at("bin/script"), mode).unwrap();
        let need = |rule: &str, what, of| ActNeed { rule: rule.to_owned(), what, of };
        let calls = |names: &[&'static str]| Recorded::Calls(names.to_vec());
        let programs = |names: &[&str]| Of::Programs(names.iter().map(|n| ProgramName::exact(n)).collect());
        let changes = || Recorded::Access(Access::CHANGE);
        let path = |text: String, below| Of::Paths(vec![PathName { text, below }]);
        let needs = [
            need("a", calls(&["setuid", "connect"]), programs(&["nc", "script"])),
            need("b", calls(&["setuid", "init_module"]), Of::Everybody),
            need("c", calls(&["connect"]), Of::Unbounded),
            need("d", changes(), path(at("new-file"), false)),
            need("e", Recorded::Access(Access::ANY), path(at("new-file"), false)),
            need("f", changes(), path(at("bin"), true)),
            need("g", changes(), path(at("absent/deeper/x"), false)),
            need("h", changes(), Of::Unbounded),
        ];
        let abis = Abi::of("x86_64", false);
        let directory = at("bin");
        let minimal = Scoped::of(&needs, Profile::Minimal, &[&directory]);
        let lines: Vec<String> = minimal.rules(&abis).iter().map(ToString::to_string).collect();
        let expected = [
            "-a always,exit -F arch=b64 -S setuid,init_module -F key=auditward".to_owned(),
            format!("-a always,exit -F arch=b64 -S connect -F exe={} -F key=auditward", at("bin/nc")),
            format!("-w {} -p rwa -k auditward", at("new-file")),
            format!("-w {} -p wa -k auditward", at("bin")),
        ];
        assert_eq!(lines, expected);
        assert_eq!(minimal.left_out(), ["connect of any program: c", "file changes of any program: h"]);
        assert_eq!(minimal.absent, [at("absent/deeper/x")]);
        // Each rule is asked for by the needs that it was made of, and by no other.
        let asked_by = |rule: &Rule| -> String {
            let asks =
                |need: &&ActNeed| Needs { acts: vec![(*need).clone()], ..Needs::default() }.ask_for(rule);
            needs.iter().filter(asks).map(|need| need.rule.as_str()).collect()
        };
        let asked: Vec<String> = minimal.rules(&abis).iter().map(asked_by).collect();
        assert_eq!(asked, ["ab", "a", "de", "f"]);
        let execution = Rule::executions(abis[0], Some("/usr/bin/nc".to_owned()));
        let nc = Needs { programs: vec![ProgramName::exact("nc")], ..Needs::default() };
        assert!(
            nc.ask_for(&execution) && !Needs { acts: needs.to_vec(), ..Needs::default() }.ask_for(&execution)
        );

        let all = Scoped::of(&needs, Profile::All, &[&directory]);
        let lines: Vec<String> = all.rules(&abis).iter().map(ToString::to_string).collect();
        let expected = [
            "-a always,exit -F arch=b64 -S connect,setuid,init_module -F key=auditward".to_owned(),
            "-a always,exit -S all -F perm=wa -F key=auditward".to_owned(),
            format!("-w {} -p rwa -k auditward", at("new-file")),
        ];
        assert_eq!(lines, expected);
        assert_eq!(all.left_out(), [""; 0]);
    }
}
