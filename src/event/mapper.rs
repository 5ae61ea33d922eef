//! Makes a document of each audit event, and keeps the process table by them.

use std::borrow::Cow;
use std::cell::RefCell;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bumpalo::Bump;

use super::ancestry::{self, Counters, Gaps, Image, NoGaps, ProcessRef, ProcessTable, Sighting, Terminal};
use super::around::{Around, Common, Kin};
use super::audit_document::AuditDocument;
use super::births::{self, Birth};
use super::from_audit::name_of_exec;
use super::from_audit::parts::Parts;
use super::host::Host;
use super::kind::{Act, CallKind};
use super::names::Names;
use super::places::Places;
use super::proc::ProcGaps;
use super::runs::Runs;
use super::snapshot;
use crate::audit::execve::Arguments;
use crate::audit::{AuditEvent, fields, value};

/// How a mapper works.
#[derive(Debug)]
pub struct Options {
    /// Whether events come from this host now: /proc may be asked for what is missing, and
    /// `event.created` is the clock's. In a replay everything comes from the records alone.
    pub live: bool,
    /// Where names of users and groups come from, beside ENRICHED records.
    pub names: Names,
    /// Bounds of the process table.
    pub limits: ancestry::Limits,
}

impl Options {
    /// For events of this host as they happen.
    #[must_use]
    pub fn live() -> Self {
        Self { live: true, names: Names::of_files(), limits: ancestry::Limits::default() }
    }

    /// For a recording: the same records give the same documents.
    #[must_use]
    pub fn replay() -> Self {
        Self { live: false, names: Names::none(), limits: ancestry::Limits::default() }
    }
}

/// Makes documents of audit events; see the module.
pub struct Mapper {
    pub(crate) common: Arc<Common>,
    pub(crate) table: ProcessTable,
    pub(crate) arguments: Arguments,
    previous: Option<Image>,
    live: bool,
    runs: Arc<Runs>,
    /// Asked by events as they come, and by a document when a name is wanted.
    pub(crate) gaps: RefCell<Box<dyn Gaps + Send>>,
    places: RefCell<Places>,
}

impl std::fmt::Debug for Mapper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mapper").field("host", self.host()).finish_non_exhaustive()
    }
}

impl Mapper {
    /// A mapper for events of `host` (events with another `node=` are that host's).
    #[must_use]
    pub fn new(host: Host, options: &Options) -> Self {
        let gaps: Box<dyn Gaps + Send> =
            if options.live { Box::new(ProcGaps::new()) } else { Box::new(NoGaps) };
        Self::with_gaps(host, options, gaps)
    }

    /// A mapper that asks `gaps` where the table has one.
    #[must_use]
    pub fn with_gaps(host: Host, options: &Options, gaps: Box<dyn Gaps + Send>) -> Self {
        Self {
            common: Arc::new(Common { host, names: options.names.clone() }),
            table: ProcessTable::new(options.limits),
            arguments: Arguments::default(),
            previous: None,
            live: options.live,
            runs: Arc::default(),
            gaps: RefCell::new(gaps),
            places: RefCell::default(),
        }
    }

    /// The host that events without `node=` belong to.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.common.host
    }

    /// What the process table has counted.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.table.counters
    }

    /// How often programs were executed, as events come.
    #[must_use]
    pub fn runs(&self) -> &Arc<Runs> {
        &self.runs
    }

    /// The process table.
    #[must_use]
    pub fn table(&self) -> &ProcessTable {
        &self.table
    }

    /// Takes the processes that run now into the process table, to be called while /proc may be read
    /// with privilege; gives their number.
    pub fn take_snapshot(&mut self) -> usize {
        self.take_snapshot_after(&[])
    }

    /// The same where an earlier run has left `births`: what it called its processes, they are called again.
    pub fn take_snapshot_after(&mut self, births: &[Birth]) -> usize {
        let mut found = self.gaps.get_mut().all();
        births::restore(births, &mut found);
        let count = found.len();
        for process in found {
            self.table.add_snapshot(0, self.common.host.id.as_bytes(), process);
        }
        count
    }

    /// When the processes that run now began, for a later [`Mapper::take_snapshot_after`].
    #[must_use]
    pub fn births(&self) -> Vec<Birth> {
        births::of(&self.table, &ProcGaps::new().all())
    }

    /// Takes in a line of a snapshot at the head of a recording; `false` when it is none.
    pub fn absorb(&mut self, line: &[u8]) -> bool {
        match snapshot::parse(line) {
            Some(snapshot::Line::Host(host)) => {
                Arc::make_mut(&mut self.common).host = host;
                true
            }
            Some(snapshot::Line::Process(found)) => {
                let node = 0;
                self.table.add_snapshot(node, self.common.host.id.as_bytes(), *found);
                true
            }
            Some(snapshot::Line::Unknown) => true,
            None => false,
        }
    }

    /// The document of an event. `arena` holds what is decoded; the caller resets it when the document is
    /// no longer used. `None` for an event without records, which the reassembler never gives.
    pub fn map<'e>(&'e mut self, event: &'e AuditEvent<'e>, arena: &'e Bump) -> Option<AuditDocument<'e>> {
        let parts: &'e Parts<'e> = arena.alloc(Parts::of(event)?);
        if parts.has_arguments() {
            self.arguments.read(event);
        }
        let process = self.track(event, parts, arena);
        let created = if self.live { now() } else { event.stamp.millis };
        if self.common.names.are_old(created) {
            Arc::make_mut(&mut self.common).names.refresh(created);
        }
        let this: &'e Self = self;
        let process = process.and_then(|at| this.table.get(at));
        let parent = process.and_then(|p| p.parent).and_then(|at| this.table.get(at));
        // The parent's number stands in the record; what the table knows must be of that one.
        let parent = parent.filter(|p| process.is_some_and(|c| c.ppid == p.pid));
        let previous = this.previous.as_ref();
        let around = Around {
            common: &this.common,
            arguments: &this.arguments,
            kin: Kin::Table(&this.table),
            gaps: &this.gaps,
            places: &this.places,
        };
        Some(AuditDocument::new(event, arena, around, parts, [process, parent], previous, created))
    }

    /// Brings the process table up to date by the event; gives the process that the event is about.
    fn track(&mut self, event: &AuditEvent<'_>, parts: &Parts<'_>, arena: &Bump) -> Option<ProcessRef> {
        self.previous = None;
        let pid = parts.pid()?;
        let Self { common, table, gaps, arguments, .. } = self;
        let host = &common.host;
        let (gaps, millis, exec) = (gaps.get_mut().as_mut(), event.stamp.millis, parts.is_exec());
        let host_id = host.id_of(event.node);
        let executable = decode(parts.who.exe, arena);
        let name =
            if exec { None } else { executable.map(base_name).or_else(|| decode(parts.who.comm, arena)) };
        let sighting = Sighting {
            node: event.node.filter(|_| !host.is(event.node)).map_or(0, node_hash),
            host: host_id,
            pid,
            ppid: parts.ppid(),
            login: parts.login(),
            ids: parts.ids(),
            terminal: Terminal::of_name(parts.who.tty),
            millis,
            exec,
            executable,
            name,
        };
        let at = table.seen(&sighting, gaps);
        if let Some(login) = parts.new_login() {
            table.set_login(at, login);
        }
        if exec {
            if let Some(program) = executable {
                self.runs.note(program, millis);
            }
            let image = image(event, parts, arguments, executable, arena);
            self.previous = table.exec(at, image, gaps);
            if let Some(process) = table.get(at) {
                self.places.get_mut().forget(process);
            }
        }
        match parts.call.map(|c| c.kind) {
            _ if parts.kind.is(Act::CRASHED) => table.exited(at, millis),
            Some(CallKind::ExitGroup) => table.exited(at, millis),
            Some(CallKind::Setsid) if !parts.failed => table.set_session(at),
            _ => {}
        }
        if let Some((child, how)) = parts.child() {
            let child = table.forked(at, host_id, child, millis, how);
            if parts.kind.is(Act::FORKED) {
                return child;
            }
        }
        Some(at)
    }
}

/// What an exec made of its process.
fn image(
    event: &AuditEvent<'_>,
    parts: &Parts<'_>,
    arguments: &Arguments,
    executable: Option<&[u8]>,
    arena: &Bump,
) -> Image {
    let directory = parts.cwd.and_then(|r| fields::find(r.body, b"cwd"));
    let name = name_of_exec(event, parts, arguments, executable);
    let count = arguments.argc.max(arguments.len() as u64);
    let mut each = arguments.iter();
    Image::new(executable, decode(directory, arena), name.as_deref(), Some((&mut each, count)))
}

/// A text of a record, decoded into the arena where it is not plain.
fn decode<'a>(field: Option<fields::Field<'a>>, arena: &'a Bump) -> Option<&'a [u8]> {
    Some(match value::untrusted(&field?)? {
        Cow::Borrowed(text) => text,
        Cow::Owned(text) => arena.alloc_slice_copy(&text),
    })
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Nodes are told apart by a hash of their name; 0 is the host of events without one.
fn node_hash(node: &[u8]) -> u64 {
    foldhash::quality::FixedState::default().hash_one(node) | 1
}

/// What follows the last slash.
pub(crate) fn base_name(path: &[u8]) -> &[u8] {
    path.rsplit(|&b| b == b'/').next().unwrap_or(path)
}
