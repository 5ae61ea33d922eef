//! `process.*` of the process itself, and `container.id`.

use std::borrow::Cow;

use bstr::ByteSlice;

use super::super::ancestry::{Image, Origin, Terminal};
use super::super::audit_document::{AuditDocument, long_or_none, text_or_none};
use super::super::document::{Value, Values};
use super::super::kind::{Act, CallKind};
use super::super::mapper::base_name;
use super::super::schema::{FieldId, field};
use super::data::path_name;
use super::parts::Parts;
use super::relative;
use crate::audit::execve::Arguments;
use crate::audit::{AuditEvent, RecordType, fields, value};

pub(super) fn values<'e>(doc: &AuditDocument<'e>, id: FieldId) -> Values<'e> {
    let parts = doc.parts;
    match id {
        field::PROCESS_PID => long_or_none(doc.pid()),
        field::PROCESS_NAME => text_or_none(name(doc)),
        field::PROCESS_EXECUTABLE => text_or_none(executable(doc)),
        field::PROCESS_ARGS if parts.execve => doc.many(doc.around.arguments.iter().map(Value::Text)),
        field::PROCESS_ARGS_COUNT if parts.execve => {
            long_or_none(i64::try_from(doc.around.arguments.argc).ok())
        }
        field::PROCESS_COMMAND_LINE if parts.execve => command_line(doc, doc.around.arguments.iter()),
        field::PROCESS_TITLE => title(doc),
        field::PROCESS_WORKING_DIRECTORY => text_or_none(directory(doc)),
        field::PROCESS_ENTITY_ID => doc.process.map_or(Values::None, |p| relative::entity(doc, p)),
        field::PROCESS_START => doc.process.map_or(Values::None, relative::start),
        field::PROCESS_END if parts.kind.is(Act::ENDED) => doc.ask(field::TIMESTAMP),
        field::PROCESS_EXIT_CODE => exit_code(doc),
        field::PROCESS_INTERACTIVE
        | field::PROCESS_TTY_CHAR_DEVICE_MAJOR
        | field::PROCESS_TTY_CHAR_DEVICE_MINOR => relative::terminal(terminal(doc), id),
        field::PROCESS_PREVIOUS_EXECUTABLE => text_or_none(doc.previous.and_then(Image::executable)),
        field::PROCESS_PREVIOUS_ARGS => doc
            .previous
            .and_then(Image::arguments)
            .map_or(Values::None, |args| doc.many(args.map(Value::Text))),
        field::PROCESS_THREAD_CAPABILITIES_EFFECTIVE | field::PROCESS_THREAD_CAPABILITIES_PERMITTED => {
            capabilities(doc, id)
        }
        field::PROCESS_EXT_LOAD_MODULE_TAINT_FLAGS if parts.kind.is(Act::LOADED_MODULE) => {
            text_or_none(taint(doc))
        }
        field::PROCESS_ENV_VARS if parts.is_exec() => environment(doc),
        field::CONTAINER_ID => text_or_none(doc.process.and_then(|p| p.container())),
        _ => relative::ids_of_event(doc, id),
    }
}

impl AuditDocument<'_> {
    /// The pid of the event's process: of a fork the child's.
    pub(crate) fn pid(&self) -> Option<u32> {
        if self.parts.kind.is(Act::FORKED) {
            return self.parts.child().map(|(child, _)| child);
        }
        self.parts.pid()
    }

    /// A set of capabilities that the process has after an exec, from BPRM_FCAPS; nothing where it has none.
    pub(crate) fn capabilities(&self, id: FieldId) -> Option<u64> {
        let (all, rest) = self.fcaps()?;
        let effective = id == field::PROCESS_THREAD_CAPABILITIES_EFFECTIVE;
        let (key, raw) = if effective { (b"pe", all.effective()) } else { (b"pp", all.permitted()) };
        let raw = if raw.is_empty() { fields::find(rest, key)?.raw } else { raw };
        let set = value::hexadecimal(raw)?;
        (set & (u64::MAX >> (64 - CAPABILITIES.len())) != 0).then_some(set)
    }
}

/// The program of the event: as the kernel says; of a message what the table knows of its sender, else
/// what the message says.
fn executable<'e>(doc: &AuditDocument<'e>) -> Option<&'e [u8]> {
    if let Some(field) = doc.parts.who.exe {
        return doc.decode(&field);
    }
    let known = doc.process.filter(|p| p.origin != Origin::Seen || p.image.is_some());
    if let Some(path) = known.and_then(|p| p.image.as_ref()).and_then(Image::executable) {
        return Some(path);
    }
    let told = fields::user(doc.parts.lead.body).find(|f| f.key == b"exe" && !value::is_absent(f))?;
    doc.decode(&told)
}

/// `process.name`: see docs/process-name.md.
fn name<'e>(doc: &AuditDocument<'e>) -> Option<&'e [u8]> {
    if let Some(name) = doc.process.and_then(|p| p.image.as_ref()).and_then(Image::name) {
        return Some(name);
    }
    if doc.parts.is_exec() {
        let executable = executable(doc);
        return name_of_exec(doc.event, doc.parts, doc.around.arguments, executable)
            .map(|name| doc.kept(name));
    }
    match executable(doc) {
        Some(path) => Some(base_name(plain(path))),
        None => doc.decode(&doc.parts.who.comm?),
    }
}

/// What the kernel puts behind the path of a program whose file was removed.
const DELETED: &[u8] = b" (deleted)";

fn plain(path: &[u8]) -> &[u8] {
    path.strip_suffix(DELETED).unwrap_or(path)
}

/// What an exec is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// By the base name of the program.
    Program,
    /// By the base name of the file asked for: it is a script, or another format that the kernel gives to
    /// an interpreter.
    File,
}

/// The name of a started program: the base name of the program, of the script for a script.
///
/// The kernel opens, and records as PATH items, the file asked for, the interpreter of its first line (and
/// that one's, up to four), and the loader of the program that runs in the end. So it is a script when a
/// later item is the program, or when there are more items than a file and a loader.
pub(crate) fn name_of_exec<'a>(
    event: &AuditEvent<'a>,
    parts: &Parts<'a>,
    arguments: &'a Arguments,
    executable: Option<&'a [u8]>,
) -> Option<Cow<'a, [u8]>> {
    let mut items =
        event.records().filter(|r| r.kind == RecordType::PATH).map(|r| path_name(r.body).unwrap_or_default());
    let asked = items.next();
    let comm = || parts.who.comm.and_then(|f| value::untrusted(&f));
    let Some(executable) = executable else {
        // Without the SYSCALL record: the file asked for.
        let asked = asked.filter(|name| !name.is_empty()).map(base_of);
        return comm().or(asked).or_else(|| arguments.get(0).map(|a| base_name(a).into()));
    };
    let program = Cow::Borrowed(base_name(plain(executable)));
    let Some(asked) = asked else { return Some(program) };
    if kind_of_name(&asked, items, executable) == Name::Program {
        return Some(program);
    }
    // A script given by a descriptor has no name of its own in the records.
    let by_descriptor =
        asked.is_empty() || asked.starts_with(b"/dev/fd/") || asked.starts_with(b"/proc/self/fd/");
    if by_descriptor { comm().or(Some(program)) } else { Some(base_of(asked)) }
}

fn base_of(path: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    match path {
        Cow::Borrowed(path) => base_name(path).into(),
        Cow::Owned(path) => base_name(&path).to_vec().into(),
    }
}

fn kind_of_name<'a>(asked: &[u8], later: impl Iterator<Item = Cow<'a, [u8]>>, executable: &[u8]) -> Name {
    // Nearly always so: nothing else needs to be read.
    if asked == executable {
        return Name::Program;
    }
    let later: Vec<_> = later.collect();
    if later.iter().any(|item| **item == *executable) {
        return Name::File;
    }
    match later.as_slice() {
        [] => Name::Program,
        [one] if is_loader(one) => Name::Program,
        _ => Name::File,
    }
}

/// `/lib64/ld-linux-x86-64.so.2`, `/lib/ld-musl-aarch64.so.1`, `/lib/ld.so.1`.
fn is_loader(path: &[u8]) -> bool {
    let name = base_name(path);
    name.starts_with(b"ld") && memchr::memmem::find(name, b".so").is_some()
}

fn command_line<'e, 'a>(doc: &AuditDocument<'e>, arguments: impl Iterator<Item = &'a [u8]>) -> Values<'e> {
    let mut line = bumpalo::collections::Vec::with_capacity_in(128, doc.arena);
    for (at, argument) in arguments.enumerate() {
        if at > 0 {
            line.push(b' ');
        }
        line.extend_from_slice_copy(argument);
    }
    Values::One(Value::Text(line.into_bump_slice()))
}

/// The strings of the title, joined by blanks.
fn title<'e>(doc: &AuditDocument<'e>) -> Values<'e> {
    let title = doc.parts.title.and_then(|r| fields::find(r.body, b"proctitle")).and_then(|f| doc.decode(&f));
    title.map_or(Values::None, |title| doc.one_line(title.trim_end_with(|byte| byte == '\0')))
}

fn directory<'e>(doc: &AuditDocument<'e>) -> Option<&'e [u8]> {
    if let Some(cwd) = doc.parts.cwd {
        return doc.decode(&fields::find(cwd.body, b"cwd")?);
    }
    // A new process stands where its parent stands.
    if doc.parts.kind.is(Act::FORKED) {
        return doc.process.and_then(|p| p.image.as_ref()).and_then(Image::directory);
    }
    None
}

pub(super) fn terminal(doc: &AuditDocument<'_>) -> Terminal {
    match Terminal::of_name(doc.parts.who.tty) {
        Terminal::Unknown => doc.process.map_or(Terminal::Unknown, |p| p.terminal),
        known => known,
    }
}

/// `exit_group(status)` and `exit(status)`: the low eight bits (`_exit(2)`); of a crash 128 and the signal.
fn exit_code<'e>(doc: &AuditDocument<'e>) -> Values<'e> {
    if doc.parts.kind.is(Act::CRASHED) {
        let signal = fields::find(doc.parts.lead.body, b"sig").and_then(|f| value::signed(f.raw));
        return long_or_none(signal.map(|s| s + 128));
    }
    match doc.parts.call.map(|c| c.kind) {
        Some(CallKind::ExitGroup | CallKind::Exit) => {
            long_or_none(doc.parts.argument(0).and_then(|status| i64::try_from(status & 0xff).ok()))
        }
        _ => Values::None,
    }
}

/// Some variables of the environment that the program was started with: asked of the process while it runs this program.
fn environment<'e>(doc: &AuditDocument<'e>) -> Values<'e> {
    if !doc.around.gaps.borrow().has_environments() {
        return Values::None;
    }
    let (Some(pid), Some(program)) = (doc.pid(), executable(doc)) else { return Values::None };
    let told = doc.around.gaps.borrow_mut().environment(pid, doc.event.stamp.millis);
    // Another program by now: what it was started with is not what this one was.
    let Some(told) = told.filter(|told| plain(&told.executable) == plain(program)) else {
        return Values::None;
    };
    doc.many(told.variables.iter().map(|variable| Value::Text(doc.keep(variable))))
}

/// What taints the module that was loaded: asked of the kernel's list of modules, by the name that its record has.
fn taint<'e>(doc: &AuditDocument<'e>) -> Option<&'e [u8]> {
    let record = doc.event.record(RecordType::KERN_MODULE)?;
    let name = doc.decode(&fields::find(record.body, b"name")?)?;
    let letters = doc.around.gaps.borrow_mut().taint(name)?;
    Some(doc.keep(&letters))
}

/// The names of a set of capabilities (`capabilities(7)`).
fn capabilities<'e>(doc: &AuditDocument<'e>, id: FieldId) -> Values<'e> {
    let Some(set) = doc.capabilities(id) else { return Values::None };
    let named = CAPABILITIES.iter().enumerate().filter(|(bit, _)| set >> bit & 1 != 0);
    doc.many(named.map(|(_, name)| Value::Text(name.as_bytes())))
}

/// By number (`include/uapi/linux/capability.h`).
pub(crate) static CAPABILITIES: [&str; 41] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
];
