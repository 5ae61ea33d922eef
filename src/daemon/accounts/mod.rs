//! The account files, watched beside the records: a thread reads them and compares, the loop tells.
//!
//! What the thread finds is told by the loop, which knows the rules and who wrote; only then is the new state
//! kept as the known one. A daemon that is killed in between tells twice and never not at all.

mod nominated;
mod probed;
mod tally;
mod thread;

use std::io;
use std::io::Write;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::config::AccountsConfig;
use super::desk::Desk;
use super::status;
use crate::account::{Change, Writer, document};
use crate::alert::case::WithoutEffect;
use crate::event::Host;
pub(super) use nominated::Nominated;
pub(super) use probed::Probed;
pub(super) use thread::Known;

/// How long the thread may take to end.
const PATIENCE: Duration = Duration::from_secs(1);

/// The records of a write come through the kernel's queue, the news of it (inotify(7)) does not: so long a change waits for
/// who may have written it, unless somebody is named before.
const RECORDS: Duration = Duration::from_millis(100);

/// What one look gave.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) changes: Vec<Change>,
    /// The writes before it after which nobody has more.
    pub(super) without_effect: Vec<WithoutEffect>,
    /// Before the files were read.
    pub(super) began: Timestamp,
    /// When they were read.
    pub(super) read_at: Timestamp,
    /// The former state is of another run: what changed did so while nobody looked.
    pub(super) unseen: bool,
    /// What is worth a line, and whether it is a warning.
    pub(super) told: Option<(String, bool)>,
    pub(super) report: status::Accounts,
}

/// The loop's side.
pub(super) struct Accounts {
    nominated: Nominated,
    pending: Vec<(Reading, SyncSender<()>)>,
    /// Since when.
    since: Instant,
    report: Option<status::Accounts>,
    thread: Option<(UnixStream, JoinHandle<()>)>,
    /// Events so far: in one millisecond there may be many.
    serial: u64,
}

/// A change that is to be told, as an event.
pub(super) struct Told {
    pub(super) document: Map<String, Value>,
    pub(super) millis: u64,
    pub(super) serial: u64,
}

impl Accounts {
    /// For the files below `root`; nobody watches them yet.
    pub(super) fn new(config: &AccountsConfig) -> Self {
        let nominated = Nominated::new(&config.root);
        Self { nominated, pending: Vec::new(), since: Instant::now(), report: None, thread: None, serial: 0 }
    }

    /// Starts the thread, which goes on from `known`.
    ///
    /// # Errors
    /// No thread or no socket is to be had.
    pub(super) fn watch(
        &mut self,
        config: AccountsConfig,
        known: Known,
        probed: Probed,
        desk: Desk,
    ) -> io::Result<()> {
        let (call, called) = UnixStream::pair()?;
        call.set_nonblocking(true)?;
        let run = move || thread::run(&config, known, probed, &desk, &called);
        let thread = std::thread::Builder::new().name("accounts".to_owned()).spawn(run)?;
        self.thread = Some((call, thread));
        Ok(())
    }

    /// Takes the source event of one who may have written an account file, and has them read.
    pub(super) fn note(&mut self, event: Map<String, Value>) {
        if !self.nominated.note(event) {
            return;
        }
        if let Some((call, _)) = &mut self.thread {
            // A full pipe has called already.
            let _ = call.write(&[1]);
        }
    }

    /// Takes what a look gave; the sender hears when it was told.
    pub(super) fn take(&mut self, reading: Reading, told: SyncSender<()>) {
        self.since = Instant::now();
        self.pending.push((reading, told));
    }

    /// When what waits is to be told, if something does: at once when the writers are named, or nobody is to be.
    pub(super) fn due(&self) -> Option<Instant> {
        self.pending.first()?;
        let is_named = |reading: &Reading, change: &Change| {
            reading.unseen || self.nominated.has_new(change.source.path(), reading.read_at)
        };
        let named = self
            .pending
            .iter()
            .all(|(reading, _)| reading.changes.iter().all(|change| is_named(reading, change)));
        Some(if named { self.since } else { self.since + RECORDS })
    }

    /// What waits to be told, as events: to be called when no record waits that might name a writer. Afterwards
    /// [`Accounts::told`].
    pub(super) fn events(&mut self, host: &Host) -> Vec<Told> {
        let mut events = Vec::new();
        for (reading, _) in &self.pending {
            for change in &reading.changes {
                let writer = match reading.unseen {
                    true => Writer::Unseen,
                    false => self.nominated.of(change.source.path(), reading.read_at),
                };
                let millis = u64::try_from(reading.read_at.as_millisecond()).unwrap_or(0);
                let document = document(change, reading.read_at, host, &writer);
                self.serial += 1;
                events.push(Told { document, millis, serial: self.serial });
            }
        }
        events
    }

    /// All of [`Accounts::events`] was told; gives the lines that are due.
    pub(super) fn told(&mut self) -> Vec<(String, bool)> {
        let mut lines = Vec::new();
        for (mut reading, told) in std::mem::take(&mut self.pending) {
            let changed: Vec<&str> = reading.changes.iter().map(|change| change.source.path()).collect();
            self.nominated.settle(&changed, reading.began);
            lines.extend(reading.told.take());
            self.report = Some(reading.report);
            let _ = told.try_send(());
        }
        lines
    }

    /// How things stand.
    pub(super) fn report(&self) -> Option<status::Accounts> {
        let report = self.report.clone()?;
        Some(status::Accounts { writers: self.nominated.len(), ..report })
    }

    /// Ends the thread. What it has found and nobody told is told at the next start.
    pub(super) fn stop(&mut self) {
        let Some((call, thread)) = self.thread.take() else { return };
        let _ = call.shutdown(Shutdown::Both);
        let until = Instant::now() + PATIENCE;
        while !thread.is_finished() && Instant::now() < until {
            // Nobody is told any more; a thread that waits for that goes on.
            self.pending.clear();
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
