//! A rule as the kernel lists it: `struct audit_rule_data` of `include/uapi/linux/audit.h`.
//!
//! Kept as the bytes that came, so that a rule is removed by exactly what the kernel called it, also
//! where it holds fields or bytes that nobody here understands. (netlink-packet-audit's own reading
//! takes the path of `-F exe=` for a number and then mistakes its text for the next field's.)

use std::fmt;

use netlink_packet_audit::RuleBuffer;
use netlink_packet_audit::constants as audit;
use netlink_packet_audit::{RuleAction, RuleFieldFlags, RuleFlags};

use super::arch::Abi;
use super::rule::{RING_LIST, RING_OPERATIONS};

/// A rule that is loaded.
#[derive(Clone, PartialEq, Eq)]
pub struct LoadedRule {
    bytes: Vec<u8>,
    list: u32,
    action: u32,
    syscalls: Vec<u32>,
    fields: Vec<Field>,
}

/// A condition of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Field {
    kind: u32,
    operator: u32,
    value: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Number(u32),
    Text(Vec<u8>),
}

/// The fields whose value is text (`audit_data_to_entry` of the kernel's `auditfilter.c`).
const TEXT_FIELDS: &[u32] = &[
    audit::AUDIT_WATCH,
    audit::AUDIT_DIR,
    audit::AUDIT_EXE,
    audit::AUDIT_FILTERKEY,
    audit::AUDIT_SUBJ_USER,
    audit::AUDIT_SUBJ_ROLE,
    audit::AUDIT_SUBJ_TYPE,
    audit::AUDIT_SUBJ_SEN,
    audit::AUDIT_SUBJ_CLR,
    audit::AUDIT_OBJ_USER,
    audit::AUDIT_OBJ_ROLE,
    audit::AUDIT_OBJ_TYPE,
    audit::AUDIT_OBJ_LEV_LOW,
    audit::AUDIT_OBJ_LEV_HIGH,
];

/// `AUDIT_SYSCALL_CLASSES` of the kernel's `include/uapi/linux/audit.h`; `audit_to_entry_common` of `auditfilter.c` replaces
/// such a bit at the end of the mask by the calls of its class.
pub(super) const CLASSES: u32 = 16;

/// `AUDIT_KEY_SEPARATOR` of audit-userspace's `lib/libaudit.h`: stands between several keys.
const KEY_SEPARATOR: u8 = 0x01;

impl LoadedRule {
    /// Reads the payload of an AUDIT_LIST_RULES message; `None` if it is cut short.
    #[must_use]
    pub fn parse(bytes: Vec<u8>) -> Option<Self> {
        let buffer = RuleBuffer::new_checked(bytes.as_slice()).ok()?;
        let (list, action) = (buffer.flags(), buffer.action());
        let syscalls = words(buffer.syscalls()).collect();
        let mut text = buffer.buf();
        let mut fields = Vec::new();
        let triples = words(buffer.fields()).zip(words(buffer.field_flags())).zip(words(buffer.values()));
        for ((kind, operator), value) in triples.take(buffer.field_count() as usize) {
            let value = if TEXT_FIELDS.contains(&kind) {
                let (this, rest) = text.split_at_checked(value as usize)?;
                text = rest;
                Value::Text(this.to_vec())
            } else {
                Value::Number(value)
            };
            fields.push(Field { kind, operator, value });
        }
        Some(Self { list, action, syscalls, fields, bytes })
    }

    /// The bytes as the kernel gave them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its keys (`-k`).
    pub fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.fields
            .iter()
            .filter_map(|f| match &f.value {
                Value::Text(text) if f.kind == audit::AUDIT_FILTERKEY => Some(text.as_slice()),
                _ => None,
            })
            .flat_map(|keys| keys.split(|&b| b == KEY_SEPARATOR))
    }

    /// Whether `key` is its one and only key.
    #[must_use]
    pub fn has_only_key(&self, key: &str) -> bool {
        let mut keys = self.keys();
        keys.next() == Some(key.as_bytes()) && keys.next().is_none()
    }

    /// Whether it is `-a never,task`: no task that is forked while it is loaded is ever recorded.
    #[must_use]
    pub fn silences_all_tasks(&self) -> bool {
        self.list_number() == audit::AUDIT_FILTER_TASK
            && self.action == audit::AUDIT_NEVER
            && self.conditions().next().is_none()
    }

    /// Whether it is a `never` rule for system calls, which takes events away from rules after it.
    #[must_use]
    pub fn silences_system_calls(&self) -> bool {
        self.list_number() == audit::AUDIT_FILTER_EXIT && self.action == audit::AUDIT_NEVER
    }

    /// Whether it takes whole record types or events away before anybody sees them (`-a …,exclude`).
    #[must_use]
    pub fn excludes_records(&self) -> bool {
        self.list_number() == audit::AUDIT_FILTER_TYPE
    }

    /// Whether everything that `wanted` records is recorded by this rule too, under whatever key.
    ///
    /// That is so when it names at least the same system calls and asks for no condition that
    /// `wanted` does not ask for as well; a watch on executing the program, or a directory above it,
    /// is such a condition.
    #[must_use]
    pub fn covers(&self, wanted: &Self) -> bool {
        let always = |rule: &Self| {
            [audit::AUDIT_FILTER_EXIT, RING_LIST].contains(&rule.list_number())
                && rule.action == audit::AUDIT_ALWAYS
        };
        let calls = self.syscalls.iter().zip(&wanted.syscalls).all(|(mine, theirs)| mine & theirs == *theirs);
        let same_list = self.list_number() == wanted.list_number();
        same_list && always(self) && always(wanted) && calls && self.conditions().all(|c| wanted.meets(c))
    }

    /// Whether an event may match both: they name a system call in common, and no condition of the one rules out the
    /// other's.
    #[must_use]
    pub fn may_meet(&self, other: &Self) -> bool {
        let recorded = |rule: &Self| {
            rule.list_number() == audit::AUDIT_FILTER_EXIT && rule.action == audit::AUDIT_ALWAYS
        };
        let calls = self.syscalls.iter().zip(&other.syscalls).any(|(mine, theirs)| mine & theirs != 0);
        let apart = |mine: &Field| other.conditions().any(|theirs| mine.rules_out(theirs));
        recorded(self) && recorded(other) && calls && !self.conditions().any(apart)
    }

    /// Whether `condition` holds for everything that this rule records.
    fn meets(&self, condition: &Field) -> bool {
        match (condition.kind, &condition.value) {
            (audit::AUDIT_PERM, Value::Number(bits)) => match self.permissions() {
                Some(wanted) => bits & wanted == wanted,
                // Executions.
                None => bits & audit::AUDIT_PERM_EXEC != 0,
            },
            (audit::AUDIT_DIR, Value::Text(directory)) => self.conditions().any(|mine| match &mine.value {
                Value::Text(path) if mine.kind == audit::AUDIT_WATCH => is_below(path, directory),
                Value::Text(path) if mine.kind == audit::AUDIT_DIR => {
                    path == directory || is_below(path, directory)
                }
                _ => false,
            }),
            _ => self.conditions().any(|mine| mine == condition),
        }
    }

    /// The kinds of access that it asks for, if it does.
    fn permissions(&self) -> Option<u32> {
        self.fields.iter().find_map(|field| match field.value {
            Value::Number(bits) if field.kind == audit::AUDIT_PERM => Some(bits),
            _ => None,
        })
    }

    /// Whether no system call is left out. The last [`CLASSES`] bits are none: they stand for classes, and the kernel
    /// clears them in what it lists.
    fn is_of_all_calls(&self) -> bool {
        let Some((last, others)) = self.syscalls.split_last() else { return false };
        others.iter().all(|&word| word == u32::MAX) && last | !(u32::MAX >> CLASSES) == u32::MAX
    }

    /// The path and the kinds of access, if it is what auditctl writes as `-w`.
    fn as_watch(&self) -> Option<(&[u8], &Value)> {
        let all = self.is_of_all_calls();
        let always = self.list_number() == audit::AUDIT_FILTER_EXIT && self.action == audit::AUDIT_ALWAYS;
        let mut conditions = self.conditions();
        let (path, permissions) = (conditions.next()?, conditions.next()?);
        let equal = |field: &Field| RuleFieldFlags::from(field.operator) == RuleFieldFlags::Equal;
        let watched = [audit::AUDIT_WATCH, audit::AUDIT_DIR].contains(&path.kind);
        let fits = watched && permissions.kind == audit::AUDIT_PERM && equal(path) && equal(permissions);
        match &path.value {
            Value::Text(text) if fits && all && always && conditions.next().is_none() => {
                Some((text, &permissions.value))
            }
            _ => None,
        }
    }

    /// Its conditions; keys are none.
    fn conditions(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|f| f.kind != audit::AUDIT_FILTERKEY)
    }

    /// The list it is in, without the bit that asks for the front of it.
    fn list_number(&self) -> u32 {
        self.list & !audit::AUDIT_FILTER_PREPEND
    }
}

impl Field {
    /// Whether no event meets both. A path may be named in two ways, so that only plain equalities are compared.
    fn rules_out(&self, other: &Self) -> bool {
        if self.kind == audit::AUDIT_PERM && other.kind == audit::AUDIT_PERM {
            return matches!((&self.value, &other.value), (Value::Number(a), Value::Number(b)) if a & b == 0);
        }
        let equal = |field: &Self| RuleFieldFlags::from(field.operator) == RuleFieldFlags::Equal;
        let single = [audit::AUDIT_ARCH, audit::AUDIT_WATCH, audit::AUDIT_EXE, audit::AUDIT_LOGINUID];
        self.kind == other.kind
            && single.contains(&self.kind)
            && equal(self)
            && equal(other)
            && self.value != other.value
    }
}

fn is_below(path: &[u8], directory: &[u8]) -> bool {
    let directory = directory.strip_suffix(b"/").unwrap_or(directory);
    path.strip_prefix(directory).is_some_and(|rest| rest.first() == Some(&b'/'))
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.chunks_exact(4).map(|word| word.try_into().map_or(0, u32::from_ne_bytes))
}

impl fmt::Debug for LoadedRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LoadedRule({self})")
    }
}

impl fmt::Display for LoadedRule {
    /// In auditctl's syntax as far as this program has words for it; other fields and system calls
    /// by number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((path, access)) = self.as_watch() {
            write!(f, "-w {} -p {}", path.escape_ascii(), permissions(access))?;
            return self.keys().try_for_each(|key| write!(f, " -k {}", key.escape_ascii()));
        }
        let action = match RuleAction::from(self.action) {
            RuleAction::Never => "never".to_owned(),
            RuleAction::Possible => "possible".to_owned(),
            RuleAction::Always => "always".to_owned(),
            _ => self.action.to_string(),
        };
        let list = match RuleFlags::from(self.list_number()) {
            RuleFlags::FilterUser => "user".to_owned(),
            RuleFlags::FilterTask => "task".to_owned(),
            RuleFlags::FilterExit => "exit".to_owned(),
            RuleFlags::FilterType => "exclude".to_owned(),
            RuleFlags::FilterFs => "filesystem".to_owned(),
            _ if self.list_number() == RING_LIST => "io_uring".to_owned(),
            _ => self.list_number().to_string(),
        };
        write!(f, "-a {action},{list}")?;
        let abi = self.fields.iter().find_map(|c| match c.value {
            Value::Number(arch) if c.kind == audit::AUDIT_ARCH => Abi::by_arch(arch),
            _ => None,
        });
        // auditctl's order: the ABI before the calls that it gives their meaning.
        if let Some(abi) = abi {
            write!(f, " -F arch={}", abi.word)?;
        }
        self.write_syscalls(f, abi)?;
        let others = self.fields.iter().filter(|c| abi.is_none() || c.kind != audit::AUDIT_ARCH);
        others.into_iter().try_for_each(|field| write!(f, " -F {field}"))
    }
}

impl LoadedRule {
    fn write_syscalls(&self, f: &mut fmt::Formatter<'_>, abi: Option<Abi>) -> fmt::Result {
        let called = |number: u32| {
            let word = self.syscalls.get(number as usize / 32).copied().unwrap_or_default();
            word & (1 << (number % 32)) != 0
        };
        let numbers: Vec<u32> = (0..audit::AUDIT_BITMASK_SIZE as u32 * 32).filter(|&n| called(n)).collect();
        let ring = self.list_number() == RING_LIST;
        if !(ring || self.list_number() == audit::AUDIT_FILTER_EXIT) || numbers.is_empty() {
            return Ok(());
        }
        if self.is_of_all_calls() {
            return write!(f, " -S all");
        }
        let names: Vec<String> = numbers
            .iter()
            .map(|&n| {
                let operation =
                    || RING_OPERATIONS.iter().find(|(number, _)| *number == n).map(|(_, name)| *name);
                let name = if ring { operation() } else { abi.and_then(|abi| abi.name(n)) };
                name.map_or_else(|| n.to_string(), str::to_owned)
            })
            .collect();
        write!(f, " -S {}", names.join(","))
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operator = match RuleFieldFlags::from(self.operator) {
            RuleFieldFlags::Equal => "=",
            RuleFieldFlags::NotEqual => "!=",
            RuleFieldFlags::LessThan => "<",
            RuleFieldFlags::GreaterThan => ">",
            RuleFieldFlags::LessThanOrEqual => "<=",
            RuleFieldFlags::GreaterThanOrEqual => ">=",
            RuleFieldFlags::BitMask => "&",
            RuleFieldFlags::BitTest => "&=",
            _ => "?",
        };
        match self.kind {
            audit::AUDIT_WATCH => write!(f, "path{operator}")?,
            audit::AUDIT_DIR => write!(f, "dir{operator}")?,
            audit::AUDIT_EXE => write!(f, "exe{operator}")?,
            audit::AUDIT_FILTERKEY => write!(f, "key{operator}")?,
            audit::AUDIT_LOGINUID => write!(f, "auid{operator}")?,
            audit::AUDIT_UID => write!(f, "uid{operator}")?,
            audit::AUDIT_EUID => write!(f, "euid{operator}")?,
            audit::AUDIT_SUCCESS => write!(f, "success{operator}")?,
            audit::AUDIT_EXIT => write!(f, "exit{operator}")?,
            audit::AUDIT_MSGTYPE => write!(f, "msgtype{operator}")?,
            audit::AUDIT_PERM => return write!(f, "perm{operator}{}", permissions(&self.value)),
            other => write!(f, "field-{other}{operator}")?,
        }
        match &self.value {
            Value::Number(number) => write!(f, "{number}"),
            Value::Text(text) => write!(f, "{}", text.escape_ascii()),
        }
    }
}

fn permissions(value: &Value) -> String {
    let Value::Number(bits) = value else { return String::new() };
    super::Access(*bits).to_string()
}
