//! `auditd.data.*` and `auditd.paths.*`: every field of the records under its own name.
//!
//! What another field shows already (pid, ids, login, program, keys) is left out. What a process wrote
//! never takes the name of what the kernel wrote: a `uid=` inside `msg='…'` is `msg_uid`.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::LazyLock;

use bumpalo::collections::Vec as BumpVec;
use memchr::memmem::Finder;

use super::super::audit_document::AuditDocument;
use super::super::document::{Value, Values};
use super::file;
use super::network;
use crate::audit::fields::{self, Field};
use crate::audit::syscalls::Arch;
use crate::audit::{BprmFcaps, Record, RecordType, errno, value};

/// A key of `auditd.data` and one of its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'e> {
    /// The first eight bytes of the key, which order most keys.
    front: u64,
    /// The key, with `_` for `-` and `.`.
    pub(crate) key: &'e [u8],
    /// The value, decoded.
    pub(crate) value: &'e [u8],
}

impl<'e> Entry<'e> {
    #[inline]
    fn new(key: &'e [u8], value: &'e [u8]) -> Self {
        let front = match key.first_chunk::<8>() {
            Some(front) => u64::from_be_bytes(*front),
            // Filled up with NULs; where that is not enough the keys themselves decide.
            None => {
                let front = key.iter().fold(0_u64, |front, byte| front << 8 | u64::from(*byte));
                front.checked_shl(64 - 8 * u32::try_from(key.len()).unwrap_or(0)).unwrap_or(0)
            }
        };
        Self { front, key, value }
    }

    /// Whether both are values of one key.
    #[inline]
    pub(crate) fn same_key(&self, other: &Self) -> bool {
        self.front == other.front && self.key == other.key
    }

    #[inline]
    fn order(&self, other: &Self) -> Ordering {
        self.front.cmp(&other.front).then_with(|| self.key.cmp(other.key))
    }
}

/// Below this object the parts of a socket address stand.
pub(crate) const SOCKET: &[u8] = b"socket.";

/// The values of `auditd.data.KEY`.
pub(super) fn values<'e>(doc: &AuditDocument<'e>, name: &str) -> Values<'e> {
    let key = name.strip_prefix("auditd.data.").unwrap_or_default().as_bytes();
    if let Some(values) = of_call_alone(doc, key) {
        return values;
    }
    // What stands nowhere need not be looked for among all entries.
    if !doc.event.records().any(|record| names(record.body, key)) {
        return Values::None;
    }
    let entries = doc.data();
    let first = entries.partition_point(|e| e.key < key);
    let found = entries.get(first..).unwrap_or_default().iter().take_while(|e| e.key == key);
    doc.many(found.map(|e| Value::Text(e.value)))
}

/// Whether a key could stand there: `key=` does stand somewhere, be it in a value.
fn names(text: &[u8], key: &[u8]) -> bool {
    CALL_KEYS.iter().find(|(known, _)| *known == key).is_none_or(|(_, finder)| finder.find(text).is_some())
}

static CALL_KEYS: LazyLock<[(&[u8], Finder<'static>); 6]> = LazyLock::new(|| {
    [
        (b"a0", Finder::new(b"a0=")),
        (b"a1", Finder::new(b"a1=")),
        (b"a2", Finder::new(b"a2=")),
        (b"a3", Finder::new(b"a3=")),
        (b"syscall", Finder::new(b"syscall=")),
        (b"tty", Finder::new(b"tty=")),
    ]
});

/// The value of a key that only the one SYSCALL record of an ordinary event has, without reading the rest;
/// none where that is not sure, or not quicker.
fn of_call_alone<'e>(doc: &AuditDocument<'e>, key: &[u8]) -> Option<Values<'e>> {
    let who = &doc.parts.who;
    let (key, raw): (&'static [u8], _) = match key {
        b"a0" => (b"a0", who.a0),
        b"a1" => (b"a1", who.a1),
        b"a2" => (b"a2", who.a2),
        b"a3" => (b"a3", who.a3),
        b"syscall" => (b"syscall", who.syscall),
        b"tty" => (b"tty", who.tty),
        _ => return None,
    };
    let quiet =
        |record: Record<'_>| !names(record.body, key) || doc.fcaps().is_some_and(|(_, rest)| rest.is_empty());
    let rest = doc.parts.who_rest;
    if !doc.parts.alone
        || !doc.parts.capabilities.is_none_or(quiet)
        || names(rest, key) && fields::kernel(rest).any(|field| field.key == key)
    {
        return None;
    }
    let field = Field { key, raw, quoted: false };
    let missing = raw.is_empty() || value::is_absent(&field);
    Some(if missing { Values::None } else { Values::One(Value::Text(call_value(doc, &field))) })
}

/// Whether `auditd.data.syscall` is the name that the system call has, and nothing else.
pub(crate) fn is_named_call(doc: &AuditDocument<'_>) -> bool {
    let parts = doc.parts;
    if parts.call.is_none_or(|call| call.name.is_empty()) {
        return false;
    }
    // Where this letter is not there is no `syscall=`, and the kernel's names of capabilities are without it. What has a
    // name has a number, so that is not asked.
    let quiet = |record: Record<'_>| memchr::memchr(b'y', record.body).is_none();
    parts.alone && parts.who_rest.is_empty() && parts.capabilities.is_none_or(quiet)
        || matches!(of_call_alone(doc, b"syscall"), Some(Values::One(_)))
}

/// The values of `auditd.paths.KEY`, one for each PATH record that has it.
pub(super) fn paths<'e>(doc: &AuditDocument<'e>, name: &str) -> Values<'e> {
    let key = name.strip_prefix("auditd.paths.").unwrap_or_default().as_bytes();
    let found = doc.event.records_of(RecordType::PATH).filter_map(|r| {
        let field = fields::find(r.body, key)?;
        path_value(doc, &field)
    });
    doc.many(found.map(Value::Text))
}

/// A value of a PATH record.
pub(crate) fn path_value<'e>(doc: &AuditDocument<'e>, field: &Field<'e>) -> Option<&'e [u8]> {
    if field.key == b"name" { doc.decode(field) } else { Some(field.raw) }
}

/// The name in a PATH record; `None` where it is `(null)`.
pub(super) fn path_name(body: &[u8]) -> Option<Cow<'_, [u8]>> {
    value::untrusted(&fields::find(body, b"name")?)
}

/// All entries, sorted by key; a key with many values stands once for each.
pub(crate) fn collect<'e>(doc: &AuditDocument<'e>) -> &'e [Entry<'e>] {
    let mut all = BumpVec::with_capacity_in(32, doc.arena);
    for record in doc.event.records() {
        match record.kind {
            RecordType::SYSCALL | RecordType::URINGOP => system_call(doc, record, &mut all),
            RecordType::EXECVE => arguments(doc, record, &mut all),
            RecordType::PATH | RecordType::CWD | RecordType::PROCTITLE => {}
            RecordType::SOCKADDR => socket(doc, record, &mut all),
            RecordType::BPRM_FCAPS => {
                let (capabilities, rest) = match doc.fcaps() {
                    Some(known) if doc.parts.capabilities == Some(record) => *known,
                    _ => BprmFcaps::parse_with_rest(record.body),
                };
                let known = capabilities.fields().map(|(key, raw)| Entry::new(key.as_bytes(), raw));
                all.extend(known.filter(|entry| !matches!(entry.value, b"" | b"(null)")));
                other(doc, record, rest, &mut all);
            }
            _ => other(doc, record, record.body, &mut all),
        }
    }
    if let Some(descriptor) = file::descriptor(doc) {
        all.push(Entry::new(b"dirfd", doc.format(descriptor)));
    }
    all.sort_by(Entry::order);
    all.dedup_by(|a, b| a.same_key(b) && a.value == b.value);
    all.into_bump_slice()
}

/// All entries of a system call with nothing beside it that has some but a program's start, by their keys; what is
/// absent is empty.
pub(crate) struct Call<'e> {
    pub(crate) arguments: [&'e [u8]; 4],
    pub(crate) arch: &'e [u8],
    pub(crate) argc: &'e [u8],
    pub(crate) comm: &'e [u8],
    pub(crate) exit: &'e [u8],
    pub(crate) items: &'e [u8],
    pub(crate) subj: &'e [u8],
    pub(crate) syscall: &'e [u8],
    pub(crate) tty: &'e [u8],
}

/// What [`collect`] finds, but for the capabilities of a program that was started, if it is a [`Call`].
pub(crate) fn ordinary<'e>(doc: &AuditDocument<'e>) -> Option<Call<'e>> {
    let who = &doc.parts.who;
    let mut started = doc.event.records_of(RecordType::EXECVE);
    let argc = match started.next() {
        Some(record) => Some(fields::kernel(record.body).next()?),
        None => None,
    };
    let plain = doc.parts.alone
        && started.next().is_none()
        && doc.parts.who_rest.is_empty()
        && argc.is_none_or(|argc| argc.key == b"argc" && !argc.raw.is_empty())
        && (argc.is_none()
            || doc.around.arguments.iter().all(|argument| std::str::from_utf8(argument).is_ok()));
    let syscall = bare(doc, b"syscall", who.syscall);
    if !plain || syscall.is_empty() || file::descriptor(doc).is_some() {
        return None;
    }
    let encoded = |field: Option<Field<'e>>| {
        field.filter(|field| !value::is_absent(field)).map(|field| call_value(doc, &field))
    };
    let (comm, subj) = (encoded(who.comm), encoded(who.subj));
    // An empty text is not an absent one.
    if [comm, subj].contains(&Some(b"")) {
        return None;
    }
    Some(Call {
        arguments: [(b"a0", who.a0), (b"a1", who.a1), (b"a2", who.a2), (b"a3", who.a3)]
            .map(|(key, raw)| bare(doc, key, raw)),
        arch: bare(doc, b"arch", who.arch),
        argc: argc.map_or(b"", |argc| argc.raw),
        comm: comm.unwrap_or_default(),
        exit: bare(doc, b"exit", who.exit),
        items: bare(doc, b"items", who.items),
        subj: subj.unwrap_or_default(),
        syscall,
        tty: bare(doc, b"tty", who.tty),
    })
}

/// A value of a SYSCALL record that stands in it as it is; empty where it is absent.
fn bare<'e>(doc: &AuditDocument<'e>, key: &'static [u8], raw: &'e [u8]) -> &'e [u8] {
    let field = Field { key, raw, quoted: false };
    if raw.is_empty() || value::is_absent(&field) { b"" } else { call_value(doc, &field) }
}

/// Fields that `process`, `user`, `group`, `auditd.session`, `event.outcome` and `tags` show.
#[inline]
fn shown_elsewhere(key: &[u8]) -> bool {
    matches!(
        key,
        b"pid"
            | b"ppid"
            | b"auid"
            | b"uid"
            | b"gid"
            | b"euid"
            | b"suid"
            | b"fsuid"
            | b"egid"
            | b"sgid"
            | b"fsgid"
            | b"ses"
            | b"exe"
            | b"success"
            | b"key"
    )
}

fn system_call<'e>(doc: &AuditDocument<'e>, record: Record<'e>, all: &mut BumpVec<'e, Entry<'e>>) {
    // The one that was read already; what a second one says is read in full.
    let own = record == doc.parts.who_record;
    if own {
        let who = &doc.parts.who;
        let known: [(&[u8], _); 9] = [
            (b"a0", who.a0),
            (b"a1", who.a1),
            (b"a2", who.a2),
            (b"a3", who.a3),
            (b"arch", who.arch),
            (b"exit", who.exit),
            (b"items", who.items),
            (b"syscall", who.syscall),
            (b"tty", who.tty),
        ];
        let known = known.into_iter().map(|(key, raw)| Field { key, raw, quoted: false });
        let known = known.filter(|field| !field.raw.is_empty());
        let known = known.chain([who.comm, who.subj].into_iter().flatten());
        let known = known.filter(|field| !value::is_absent(field));
        all.extend(known.map(|field| Entry::new(field.key, call_value(doc, &field))));
    }
    for field in fields::kernel(if own { doc.parts.who_rest } else { record.body }) {
        if !shown_elsewhere(field.key) && !value::is_absent(&field) {
            all.push(Entry::new(key(doc, field.key), call_value(doc, &field)));
        }
    }
}

fn call_value<'e>(doc: &AuditDocument<'e>, field: &Field<'e>) -> &'e [u8] {
    match field.key {
        b"arch" => arch(field.raw),
        b"syscall" => {
            doc.parts.call.map(|c| c.name.as_bytes()).filter(|n| !n.is_empty()).unwrap_or(field.raw)
        }
        b"exit" => exit(field.raw),
        b"comm" => doc.decode(field).unwrap_or(field.raw),
        _ => field.raw,
    }
}

fn arch(raw: &[u8]) -> &[u8] {
    let number = value::hexadecimal(raw).and_then(|n| u32::try_from(n).ok());
    number.and_then(|n| Arch(n).name()).map_or(raw, str::as_bytes)
}

/// A result, by the name of the error where it is one.
fn exit(raw: &[u8]) -> &[u8] {
    let error = raw.strip_prefix(b"-").and_then(value::unsigned).and_then(|n| u32::try_from(n).ok());
    error.and_then(errno::name).map_or(raw, str::as_bytes)
}

/// argc, and beside each argument that is not UTF-8 its exact bytes.
fn arguments<'e>(doc: &AuditDocument<'e>, record: Record<'e>, all: &mut BumpVec<'e, Entry<'e>>) {
    let Some(argc) = fields::kernel(record.body).next().filter(|f| f.key == b"argc") else { return };
    all.push(Entry::new(b"argc", argc.raw));
    for (at, argument) in doc.around.arguments.iter().enumerate() {
        if std::str::from_utf8(argument).is_err() {
            let index = doc.around.arguments.index(at).unwrap_or(0);
            all.push(Entry::new(doc.format(format_args!("a{index}_hex")), hex(doc, argument)));
        }
    }
}

fn hex<'e>(doc: &AuditDocument<'e>, bytes: &[u8]) -> &'e [u8] {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |n: u8| DIGITS.get(usize::from(n)).copied().unwrap_or(b'0');
    let mut text = BumpVec::with_capacity_in(bytes.len() * 2, doc.arena);
    for byte in bytes {
        text.extend([digit(byte >> 4), digit(byte & 15)]);
    }
    text.into_bump_slice()
}

fn socket<'e>(doc: &AuditDocument<'e>, record: Record<'e>, all: &mut BumpVec<'e, Entry<'e>>) {
    let Some(field) = fields::find(record.body, b"saddr") else { return };
    all.push(Entry::new(b"saddr", field.raw));
    for (key, value) in network::socket_parts(doc, field.raw) {
        all.push(Entry::new(key, value));
    }
}

/// Any other record, or the rest of one: what the kernel wrote, then what a process wrote.
fn other<'e>(doc: &AuditDocument<'e>, record: Record<'e>, body: &'e [u8], all: &mut BumpVec<'e, Entry<'e>>) {
    if body.is_empty() {
        return;
    }
    let own = record == doc.parts.who_record;
    let start = all.len();
    for field in fields::kernel(body) {
        let elsewhere = shown_elsewhere(field.key);
        if value::is_absent(&field) || elsewhere && (own || same_as_call(doc, &field)) {
            continue;
        }
        let value = kernel_value(doc, &field);
        all.push(Entry::new(key(doc, field.key), value));
    }
    let kernel_end = all.len();
    for field in fields::user(body) {
        if value::is_absent(&field) {
            continue;
        }
        let key = key(doc, field.key);
        let taken = is_reserved(key)
            || key.starts_with(SOCKET)
            || all.get(start..kernel_end).unwrap_or_default().iter().any(|e| e.key == key);
        let value = if is_encoded(key) { doc.decode(&field).unwrap_or(field.raw) } else { field.raw };
        all.push(Entry::new(if taken { prefixed(doc, key) } else { key }, value));
    }
    // Text that is no `key=value` at all.
    let message = fields::message(body);
    if all.len() == kernel_end
        && let Some(text) = message.or_else(|| (kernel_end == start && !own).then_some(body))
        && !text.is_empty()
    {
        all.push(Entry::new(b"msg", text));
    }
}

fn kernel_value<'e>(doc: &AuditDocument<'e>, field: &Field<'e>) -> &'e [u8] {
    match field.key {
        b"arch" => arch(field.raw),
        // SECCOMP names the call it stopped, by architecture and number.
        b"syscall" => {
            let number = super::parts::number(field.raw);
            let arch = value::hexadecimal(doc.parts.who.arch).and_then(|n| u32::try_from(n).ok());
            let name = number.zip(arch).and_then(|(number, arch)| Arch(arch).syscall_name(number));
            name.map_or(field.raw, str::as_bytes)
        }
        key if is_encoded(key) => doc.decode(field).unwrap_or(field.raw),
        _ => field.raw,
    }
}

/// Whether a companion of a system call repeats what the SYSCALL record says.
fn same_as_call(doc: &AuditDocument<'_>, field: &Field<'_>) -> bool {
    let who = &doc.parts.who;
    let told = match field.key {
        b"pid" => who.pid,
        b"ppid" => who.ppid,
        b"auid" => who.auid,
        b"uid" => who.uid,
        b"gid" => who.gid,
        b"ses" => who.ses,
        b"exe" => return who.exe.is_some_and(|exe| exe.raw == field.raw),
        // Of CONFIG_CHANGE: one of the tags.
        b"key" => return true,
        _ => return false,
    };
    told == field.raw
}

/// Fields that the kernel or libaudit writes as hexadecimal digits when they hold odd characters
/// (`audit_log_untrustedstring`; `audit_encode_nv_string(3)`).
#[inline]
fn is_encoded(key: &[u8]) -> bool {
    matches!(
        key,
        b"acct"
            | b"cgroup"
            | b"cmd"
            | b"comm"
            | b"cwd"
            | b"data"
            | b"dir"
            | b"exe"
            | b"file"
            | b"grp"
            | b"key"
            | b"name"
            | b"new_disk"
            | b"new_fs"
            | b"new_rng"
            | b"ocomm"
            | b"old_disk"
            | b"old_fs"
            | b"old_rng"
            | b"path"
            | b"profile"
            | b"proctitle"
            | b"vm"
            | b"watch"
            | b"sw"
    )
}

/// Names that only the kernel's fields have.
#[inline]
fn is_reserved(key: &[u8]) -> bool {
    matches!(
        key,
        b"a0"
            | b"a1"
            | b"a2"
            | b"a3"
            | b"arch"
            | b"argc"
            | b"auid"
            | b"comm"
            | b"egid"
            | b"euid"
            | b"exit"
            | b"fsgid"
            | b"fsuid"
            | b"gid"
            | b"items"
            | b"key"
            | b"pid"
            | b"ppid"
            | b"ses"
            | b"sgid"
            | b"success"
            | b"suid"
            | b"syscall"
            | b"uid"
    )
}

fn prefixed<'e>(doc: &AuditDocument<'e>, key: &[u8]) -> &'e [u8] {
    let mut name = BumpVec::with_capacity_in(key.len() + 4, doc.arena);
    name.extend_from_slice_copy(b"msg_");
    name.extend_from_slice_copy(key);
    name.into_bump_slice()
}

/// A key as EQL can name it, and as an index takes it: there a dot makes an object, which no text may stand beside.
fn key<'e>(doc: &AuditDocument<'e>, key: &'e [u8]) -> &'e [u8] {
    let is_odd = |byte: &u8| matches!(byte, b'-' | b'.');
    if !key.iter().any(is_odd) {
        return key;
    }
    let name = doc.arena.alloc_slice_copy(key);
    name.iter_mut().filter(|byte| is_odd(byte)).for_each(|byte| *byte = b'_');
    name
}
