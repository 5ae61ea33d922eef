//! One kernel rule of ours, as the kernel takes it and as auditctl(8) writes it.

use std::fmt;

use netlink_packet_audit::constants as audit;
use netlink_packet_audit::{RuleAction, RuleField, RuleFieldFlags, RuleFlags, RuleMessage, RuleSyscalls};
use netlink_packet_core::Emitable;
use serde::{Deserialize, Serialize};

use super::loaded::CLASSES;
use super::{Abi, KEY, LoadedRule};

/// A kernel rule of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What is recorded.
    pub what: What,
    /// Of whom, or on what.
    pub scope: Scope,
}

/// What a rule records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// These system calls, by name, in the order of their numbers, under one ABI.
    Calls(Abi, Vec<&'static str>),
    /// Accesses of files, under every ABI.
    Access(Access),
    /// What the kernel's own thread does to names of files for a ring of io_uring (`IORING_SETUP_SQPOLL`): operations that are
    /// no system calls. For netlink alone: auditctl(8) of Debian 12 and older refuses such a line, and leaves out all that follow it.
    Ring,
}

/// Operations that open, replace or remove a file by its name: `enum io_uring_op` of `include/uapi/linux/io_uring.h`. Rules with
/// a path are asked with the number of the system call in place of the operation's (`audit_filter_inode_name` of `auditsc.c`),
/// which is 0 in the kernel's own thread: hence nop. As numbers of system calls none of these takes a path on x86-64.
pub(super) const RING_OPERATIONS: [(u32, &str); 6] =
    [(0, "nop"), (18, "openat"), (28, "openat2"), (35, "renameat"), (36, "unlinkat"), (39, "linkat")];

/// `AUDIT_FILTER_URING_EXIT` of `include/uapi/linux/audit.h`, since Linux 5.16.
pub(super) const RING_LIST: u32 = 7;

/// Kinds of access: bits of `AUDIT_PERM_*` (`include/uapi/linux/audit.h`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Access(pub u32);

impl Access {
    /// Writes, and changes of attributes.
    pub const CHANGE: Self = Self(audit::AUDIT_PERM_WRITE | audit::AUDIT_PERM_ATTR);
    /// These, and reads.
    pub const ANY: Self = Self(Self::CHANGE.0 | audit::AUDIT_PERM_READ);
}

/// On what, or of whom, a rule records.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Scope {
    /// Of everybody, on everything.
    Everything,
    /// What touches this file, by its absolute path (`-F path=`).
    Path(String),
    /// What touches anything below this directory (`-F dir=`).
    Directory(String),
    /// What processes of this binary do (`-F exe=`).
    Executable(String),
}

impl Rule {
    /// Executions of `program`, or of any.
    #[must_use]
    pub fn executions(abi: Abi, program: Option<String>) -> Self {
        Self {
            what: What::Calls(abi, vec!["execve", "execveat"]),
            scope: program.map_or(Scope::Everything, Scope::Path),
        }
    }

    /// The system calls `names` under `abi`; none where it has none of them.
    #[must_use]
    pub fn calls(abi: Abi, names: impl IntoIterator<Item = &'static str>, scope: Scope) -> Option<Self> {
        let mut numbered: Vec<(u32, &str)> =
            names.into_iter().filter_map(|name| Some((abi.number(name)?, name))).collect();
        numbered.sort_unstable();
        numbered.dedup();
        let names: Vec<_> = numbered.into_iter().map(|(_, name)| name).collect();
        (!names.is_empty()).then_some(Self { what: What::Calls(abi, names), scope })
    }

    /// What stands beside a watch for changes, for those that come by io_uring, which the watch does not see: operations that
    /// the process makes within io_uring_enter(2), and those of the kernel's own thread. Neither knows kinds of access, so
    /// that an open for reading is recorded too.
    #[must_use]
    pub fn ring_of(watch: &Self, abis: &[Abi]) -> Vec<Self> {
        let changes = matches!(watch.what, What::Access(access) if access.0 & audit::AUDIT_PERM_WRITE != 0);
        let narrow = matches!(watch.scope, Scope::Path(_) | Scope::Directory(_));
        if !(changes && narrow) {
            return Vec::new();
        }
        let scope = || watch.scope.clone();
        let within = abis.iter().filter_map(|&abi| Self::calls(abi, ["io_uring_enter"], scope()));
        within.chain([Self { what: What::Ring, scope: scope() }]).collect()
    }

    /// The rule as the kernel would list it, and as it takes it.
    #[must_use]
    pub fn as_loaded(&self) -> Option<LoadedRule> {
        let mut message = RuleMessage::new();
        message.flags = RuleFlags::FilterExit;
        message.action = RuleAction::Always;
        let mut fields = Vec::new();
        match &self.what {
            What::Calls(abi, names) => {
                let mut syscalls = RuleSyscalls::new_zeroed();
                for number in names.iter().filter_map(|name| abi.number(name)) {
                    syscalls.set(number);
                }
                message.syscalls = syscalls;
                fields.push(RuleField::Arch(abi.arch));
            }
            What::Ring => {
                let mut operations = RuleSyscalls::new_zeroed();
                for (number, _) in RING_OPERATIONS {
                    operations.set(number);
                }
                message.syscalls = operations;
            }
            // As the kernel lists it: without the bits of classes.
            What::Access(_) => {
                let mut syscalls = RuleSyscalls::new_zeroed();
                for number in 0..audit::AUDIT_BITMASK_SIZE as u32 * 32 - CLASSES {
                    syscalls.set(number);
                }
                message.syscalls = syscalls;
            }
        }
        let mut executable = None;
        match &self.scope {
            Scope::Everything => {}
            Scope::Path(path) => fields.push(RuleField::Watch(path.clone())),
            Scope::Directory(path) => fields.push(RuleField::Dir(path.clone())),
            Scope::Executable(path) => {
                executable = Some(fields.len());
                fields.push(RuleField::Watch(path.clone()));
            }
        }
        if let What::Access(access) = self.what {
            fields.push(RuleField::Perm(access.0));
        }
        fields.push(RuleField::Filterkey(KEY.to_owned()));
        message.fields = fields.into_iter().map(|field| (field, RuleFieldFlags::Equal)).collect();
        let mut bytes = vec![0; message.buffer_len()];
        message.emit(&mut bytes);
        if self.what == What::Ring {
            // The crate has no name for this list.
            bytes.get_mut(..4)?.copy_from_slice(&RING_LIST.to_ne_bytes());
        }
        if let Some(field) = executable {
            // The crate takes the path of exe= for a number; as bytes it is a path like any other.
            let at = FIELDS + 4 * field;
            bytes.get_mut(at..at + 4)?.copy_from_slice(&audit::AUDIT_EXE.to_ne_bytes());
        }
        LoadedRule::parse(bytes)
    }
}

/// Where `fields` begins in `struct audit_rule_data`: behind flags, action, field count and mask.
const FIELDS: usize = 4 * (3 + audit::AUDIT_BITMASK_SIZE);

impl fmt::Display for Rule {
    /// A line of auditctl(8) and of `/etc/audit/rules.d`, as `auditctl -l` shows it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.what, &self.scope) {
            (What::Access(access), Scope::Path(path) | Scope::Directory(path)) => {
                return write!(f, "-w {path} -p {access} -k {KEY}");
            }
            (What::Access(_), _) => f.write_str("-a always,exit -S all")?,
            (What::Ring, _) => {
                let names = RING_OPERATIONS.map(|(_, name)| name);
                write!(f, "-a always,io_uring -S {}", names.join(","))?;
            }
            (What::Calls(abi, names), _) => {
                write!(f, "-a always,exit -F arch={} -S {}", abi.word, names.join(","))?;
            }
        }
        match &self.scope {
            Scope::Everything => {}
            Scope::Path(path) => write!(f, " -F path={path}")?,
            Scope::Directory(path) => write!(f, " -F dir={path}")?,
            Scope::Executable(path) => write!(f, " -F exe={path}")?,
        }
        if let What::Access(access) = self.what {
            write!(f, " -F perm={access}")?;
        }
        write!(f, " -F key={KEY}")
    }
}

impl fmt::Display for Access {
    /// The letters of `-p`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = [
            (audit::AUDIT_PERM_READ, "r"),
            (audit::AUDIT_PERM_WRITE, "w"),
            (audit::AUDIT_PERM_EXEC, "x"),
            (audit::AUDIT_PERM_ATTR, "a"),
        ];
        letters.iter().filter(|(bit, _)| self.0 & bit != 0).try_for_each(|(_, letter)| f.write_str(letter))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_reads_back_as_what_was_meant() {
        let text = |path: &str| path.to_owned();
        let mut rules = Vec::new();
        for abi in Abi::of("x86_64", true) {
            for program in [None, Some(text("/usr/sbin/usermod"))] {
                rules.push(Rule::executions(abi, program));
            }
            let calls = ["connect", "setuid", "init_module", "no-such-call", "connect"];
            rules.extend(Rule::calls(abi, calls, Scope::Everything));
            rules.extend(Rule::calls(abi, ["connect"], Scope::Executable(text("/usr/bin/nc"))));
        }
        for scope in [
            Scope::Everything,
            Scope::Path(text("/etc/passwd")),
            Scope::Directory(text("/etc/cron.d")),
            Scope::Executable(text("/usr/bin/nc")),
        ] {
            rules.push(Rule { what: What::Access(Access::CHANGE), scope });
        }
        rules.extend(rules.clone().iter().flat_map(|rule| Rule::ring_of(rule, &Abi::of("x86_64", true))));
        assert_eq!(rules.len(), 18);
        for rule in rules {
            let loaded = rule.as_loaded().unwrap();
            assert_eq!(loaded.to_string(), rule.to_string());
            assert_eq!(loaded.keys().collect::<Vec<_>>(), [KEY.as_bytes()]);
            assert!(loaded.covers(&loaded), "{rule}");
        }
    }

    #[test]
    fn a_ring_has_a_rule_of_its_own() {
        let abis = Abi::of("x86_64", false);
        let of = |access, scope| Rule::ring_of(&Rule { what: What::Access(access), scope }, &abis);
        let passwd = || Scope::Path("/etc/passwd".to_owned());
        let [within, rule] = of(Access::CHANGE, passwd()).try_into().unwrap();
        assert_eq!(
            within.to_string(),
            "-a always,exit -F arch=b64 -S io_uring_enter -F path=/etc/passwd -F key=auditward"
        );
        assert_eq!(
            rule.to_string(),
            "-a always,io_uring -S nop,openat,openat2,renameat,unlinkat,linkat -F path=/etc/passwd -F key=auditward"
        );
        let loaded = rule.as_loaded().unwrap();
        let words: Vec<u32> =
            loaded.as_bytes().chunks(4).map(|w| u32::from_ne_bytes(w.try_into().unwrap())).collect();
        // List, action, fields (path and key), operations 18, 28; 35, 36, 39.
        assert_eq!(words[..5], [7, 2, 2, 1 | 1 << 18 | 1 << 28, 1 << 3 | 1 << 4 | 1 << 7]);
        // Neither does the work of the other.
        let watch = Rule { what: What::Access(Access::CHANGE), scope: passwd() }.as_loaded().unwrap();
        assert!(!watch.covers(&loaded) && !loaded.covers(&watch));
        assert_eq!(of(Access(audit::AUDIT_PERM_READ), passwd()), []);
        assert_eq!(of(Access::CHANGE, Scope::Everything), []);
        let execution = Rule::executions(abis[0], Some("/usr/bin/nc".to_owned()));
        assert_eq!(Rule::ring_of(&execution, &abis), []);
    }

    #[test]
    fn a_call_has_other_numbers_elsewhere_and_some_it_lacks() {
        let lines: Vec<String> = Abi::of("x86_64", true)
            .into_iter()
            .filter_map(|abi| Rule::calls(abi, ["setuid", "setuid32", "connect"], Scope::Everything))
            .map(|rule| rule.to_string())
            .collect();
        assert_eq!(
            lines,
            [
                "-a always,exit -F arch=b64 -S connect,setuid -F key=auditward",
                "-a always,exit -F arch=b32 -S setuid,setuid32,connect -F key=auditward",
            ]
        );
        assert_eq!(Rule::calls(Abi::of("x86_64", false)[0], ["setuid32"], Scope::Everything), None);
    }

    #[test]
    fn a_wider_rule_covers_a_watch_and_a_narrower_does_not() {
        let rule = |access, scope| Rule { what: What::Access(access), scope }.as_loaded().unwrap();
        let path = || Scope::Path("/etc/cron.d/a".to_owned());
        let directory = || Scope::Directory("/etc".to_owned());
        let wanted = rule(Access::CHANGE, path());
        assert!(rule(Access::ANY, path()).covers(&wanted));
        assert!(rule(Access::CHANGE, directory()).covers(&wanted));
        assert!(!rule(Access(audit::AUDIT_PERM_WRITE), path()).covers(&wanted));
        assert!(!wanted.covers(&rule(Access::CHANGE, directory())));
        let deeper = rule(Access::CHANGE, Scope::Directory("/etc/cron.d".to_owned()));
        assert!(rule(Access::CHANGE, directory()).covers(&deeper));
    }
}
