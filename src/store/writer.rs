//! The one thread that writes.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use super::checkpoint::{Checkpoints, passive};
use super::file::{self, Opened, Told, Unusable, beside};
use super::position::Position;
use super::row;
use super::shared::{Figures, Shared, Slot, UNWRITTEN, Work};
use super::{Settings, retention, untold};
use crate::alert::{Alert, RestKey, Untold};

/// After a failure, how long nothing is tried: what comes meanwhile goes out at once.
const REST: Duration = Duration::from_secs(1);
/// How often a trouble that lasts is told.
const TELL_AGAIN: Duration = Duration::from_secs(60);
/// How often is looked for what is too old, without any alert.
const IDLE: Duration = Duration::from_secs(600);
/// How long documents wait, so that those who have the lines to send are not disturbed.
const AFTER: Duration = Duration::from_millis(2);
/// How often is looked whether what is gathered about an alert is there.
const GATHERING: Duration = Duration::from_millis(20);
/// Documents written with one commit, while nothing else is to be done.
const DOCUMENTS: usize = 8;
/// Documents that may wait; beyond, they are written before further rows.
const WAITING: usize = 512;
/// Rows written between two looks for what is too old or too much; fewer than are deleted at a time.
const TIDY: usize = 128;
/// Bytes written since a checkpoint that make the writer do one itself: with it waiting, the log can be begun anew.
const LOG: u64 = 16 << 20;

/// The store of a running daemon. See the room's page.
#[derive(Debug)]
pub struct Store {
    shared: Arc<Shared>,
    /// Where destinations were when the file was opened, less what stood in it.
    places: HashMap<String, i64>,
    /// What an earlier run was killed before it told.
    untold: Vec<Untold>,
}

impl Store {
    /// Opens the store and starts its threads. That the file cannot be opened at the moment is no error: it is tried
    /// again, and what comes meanwhile is counted.
    ///
    /// # Errors
    /// Another daemon has it; no thread can be started.
    pub fn open(settings: Settings) -> io::Result<Self> {
        let path = settings.path.clone();
        let lock = match file::lock(&path) {
            Ok(lock) => Some(lock),
            // A disk that is full has no room for it, and will have.
            Err(error) if error.raw_os_error().is_some() => None,
            Err(error) => return Err(error),
        };
        let shared = Arc::new(Shared::new(settings));
        let mut writer = Writer {
            checkpoints: Checkpoints::start(path)?,
            shared: Arc::clone(&shared),
            connection: None,
            lock,
            failed: None,
            unstored: 0,
            told: None,
            undocumented: VecDeque::new(),
            rows: 0,
            log: 0,
            identity: None,
        };
        let places = match writer.reach() {
            Ok(places) => places,
            Err(why) => {
                writer.fail(&why, 0);
                HashMap::new()
            }
        };
        let untold = writer.connection.as_ref().and_then(|connection| untold::read(connection).ok());
        std::thread::Builder::new().name("store".to_owned()).spawn(move || writer.run())?;
        Ok(Self { shared, places, untold: untold.unwrap_or_default() })
    }

    /// Takes the alert to be written; its number, or none where it has no room and goes out unwritten. Never waits
    /// for the disk.
    #[must_use]
    pub fn hand_over(&self, alert: &Arc<Alert>) -> Option<i64> {
        self.shared.hand_over(alert)
    }

    /// The place of a destination: where one of the name is or was, or else behind everything that is there.
    #[must_use]
    pub fn position(&mut self, name: &str) -> Position {
        let place = self.places.remove(name);
        let (slot, last) = self.shared.slot(name, place, place.unwrap_or(UNWRITTEN));
        Position::new(Arc::clone(&self.shared), slot, last)
    }

    /// Forgets the places of destinations that nobody asks for any more: were they asked for again, they would get
    /// what is long past. To be called once all have theirs.
    pub fn forget_others(&mut self) {
        self.places.drain().for_each(|(name, _)| self.shared.forget(name));
    }

    /// Forgets the place of one that is no longer asked for.
    pub fn forget(&self, name: &str) {
        self.shared.forget(name.to_owned());
    }

    /// What was kept back before an earlier run was killed, and not told; once. It is owed until an alert that tells it
    /// is stored, or [`Store::settle_untold`].
    pub fn take_untold(&mut self) -> Vec<Untold> {
        std::mem::take(&mut self.untold)
    }

    /// So many alerts that were kept back were told otherwise than by an alert.
    pub fn settle_untold(&self, key: RestKey, told: u64) {
        self.shared.settle_untold(key, told);
    }

    /// What is to be told of the store, once.
    #[must_use]
    pub fn told(&self) -> Vec<String> {
        self.shared.take_told()
    }

    /// How it stands.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.shared.figures()
    }

    /// Writes what waits and the positions, until `deadline`; whether all was written by then.
    #[must_use]
    pub fn close(&self, deadline: Instant) -> bool {
        self.shared.close();
        self.shared.wait_for_end(deadline)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.shared.close();
    }
}

struct Writer {
    shared: Arc<Shared>,
    checkpoints: Checkpoints,
    connection: Option<Connection>,
    lock: Option<File>,
    failed: Option<Failed>,
    /// Alerts not written since a failure began.
    unstored: u64,
    /// When it was last told that documents could not be written.
    told: Option<Instant>,
    /// Alerts whose documents are still to be written.
    undocumented: VecDeque<(i64, Arc<Alert>)>,
    /// Rows written since it was last tidied up.
    rows: usize,
    /// Bytes written since the last checkpoint of this thread, about.
    log: u64,
    /// Device and inode of the file.
    identity: Option<(u64, u64)>,
}

/// Nothing can be written.
struct Failed {
    tried: Instant,
    told: Instant,
}

impl Writer {
    fn run(mut self) {
        self.count();
        loop {
            let work = self.shared.next(self.pause());
            if self.shared.damaged.swap(false, Ordering::SeqCst) {
                self.replace("it is damaged");
            }
            match work {
                Work::Batch(batch) => self.batch(&batch),
                Work::Positions => self.positions(),
                Work::Idle if !self.undocumented.is_empty() => self.documents(self.ready().min(DOCUMENTS)),
                Work::Idle => self.tidy(),
                Work::End => {
                    while !self.undocumented.is_empty() {
                        self.documents(WAITING);
                    }
                    self.positions();
                    break;
                }
            }
            // No more than those beyond: a longer turn would keep a processor from those who send the lines.
            while let beyond @ 1.. = self.undocumented.len().saturating_sub(WAITING) {
                self.documents(beyond.min(DOCUMENTS));
            }
            self.shared.document(self.undocumented.front().map(|(number, _)| number - 1));
            if self.rows >= TIDY {
                self.tidy();
            }
        }
        let Self { shared, checkpoints, connection, lock, .. } = self;
        drop(checkpoints);
        // The last connection brings everything into the file.
        drop(connection);
        drop(lock);
        shared.end();
    }

    fn batch(&mut self, batch: &[(i64, Arc<Alert>)]) {
        let Some((last, _)) = batch.last() else { return };
        if self.failed.as_ref().is_some_and(|failed| failed.tried.elapsed() < REST) {
            self.pass(batch.len());
            self.let_go(batch, *last);
            return;
        }
        match self.write(batch) {
            Ok(()) => {
                // Before anything else: destinations wait for it.
                self.shared.settle(*last);
                self.undocumented.extend(batch.iter().cloned());
                self.written(batch.len() as u64);
            }
            Err(why) => {
                self.fail(&why, batch.len());
                self.let_go(batch, *last);
            }
        }
    }

    /// They go out without being stored, and say so.
    fn let_go(&self, batch: &[(i64, Arc<Alert>)], last: i64) {
        batch.iter().for_each(|(_, alert)| alert.mark_unstored());
        self.shared.settle(last);
    }

    /// Writes rows and positions with one commit; a file that is no good is replaced, and they go into the new one.
    fn write(&mut self, alerts: &[(i64, Arc<Alert>)]) -> Result<(), String> {
        for _ in 0..2 {
            let base = self.base();
            let Some(connection) = &self.connection else {
                self.reach_late()?;
                continue;
            };
            match commit(connection, base, alerts, &self.shared.slots()) {
                Ok(()) => return Ok(()),
                Err(error) => match Unusable::of(&error) {
                    Unusable::Bad(why) => self.replace(&why),
                    Unusable::Away(why) => return Err(why),
                },
            }
        }
        Err("a new file cannot be written either".to_owned())
    }

    fn base(&self) -> i64 {
        self.shared.base.load(Ordering::SeqCst)
    }

    /// After a commit.
    fn written(&mut self, alerts: u64) {
        let counts = &self.shared.counts;
        counts.stored.fetch_add(alerts, Ordering::Relaxed);
        counts.rows.fetch_add(alerts, Ordering::Relaxed);
        self.recovered();
        self.checkpoints.committed();
    }

    /// How long nothing is done when no work comes: what is gathered about the next alert may be awaited still.
    fn pause(&self) -> Duration {
        match self.undocumented.front() {
            None => IDLE,
            Some((_, alert)) if alert.is_settled(Instant::now()) => AFTER,
            Some(_) => GATHERING,
        }
    }

    /// How many of the next documents will not change any more.
    fn ready(&self) -> usize {
        let now = Instant::now();
        self.undocumented.iter().take_while(|(_, alert)| alert.is_settled(now)).count()
    }

    /// Writes the next documents, `most` of them; after the first, fewer once alerts wait, whose lines go before.
    fn documents(&mut self, most: usize) {
        if most == 0 {
            return;
        }
        let base = self.base();
        let Some(connection) = &self.connection else {
            self.undocumented.clear();
            return;
        };
        let mut count = 0;
        let written = connection.unchecked_transaction().and_then(|transaction| {
            let mut bytes = 0;
            let mut update = row::prepare_document(&transaction)?;
            for (number, alert) in self.undocumented.iter().take(most) {
                bytes += row::document(&mut update, base + number, alert)?;
                count += 1;
                if self.shared.is_waited_for() {
                    break;
                }
            }
            drop(update);
            transaction.commit().map(|()| bytes)
        });
        match written {
            Ok(bytes) => {
                self.log += bytes;
                self.undocumented.drain(..count);
            }
            Err(error) => {
                let without = self.undocumented.len();
                self.undocumented.clear();
                let why = match Unusable::of(&error) {
                    Unusable::Bad(why) => {
                        self.replace(&why);
                        why
                    }
                    Unusable::Away(why) => why,
                };
                let now = Instant::now();
                let told = self.told.is_some_and(|told| now.saturating_duration_since(told) < TELL_AGAIN);
                if !told && self.failed.is_none() {
                    self.told = Some(now);
                    let told =
                        format!("of {without} alerts the line alone is stored, not the document: {why}");
                    self.shared.tell(told);
                }
                return;
            }
        }
        self.rows += count;
        self.checkpoints.committed();
        if self.log > LOG {
            self.log = 0;
            if let Some(error) = self.connection.as_ref().and_then(|connection| passive(connection).err()) {
                tracing::debug!("checkpoint of the store: {error}");
            }
        }
        self.measure();
    }

    fn recovered(&mut self) {
        if self.failed.take().is_some() {
            self.shared.set_trouble(None);
            let unstored = std::mem::take(&mut self.unstored);
            self.shared.tell(format!("alerts are stored again; {unstored} went out without being stored"));
        }
    }

    /// `count` alerts are not written; it is told at once, and then from time to time.
    fn fail(&mut self, why: &str, count: usize) {
        let now = Instant::now();
        self.pass(count);
        let told = match &self.failed {
            Some(failed) if now.saturating_duration_since(failed.told) < TELL_AGAIN => failed.told,
            _ => {
                self.shared.tell(format!(
                    "alerts cannot be stored and go out all the same: {}: {why} ({} so far)",
                    self.shared.settings.path.display(),
                    self.unstored
                ));
                now
            }
        };
        self.shared.set_trouble(Some(why.to_owned()));
        self.failed = Some(Failed { tried: now, told });
    }

    fn pass(&mut self, count: usize) {
        self.unstored += count as u64;
        self.shared.counts.unstored.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Writes the positions alone.
    fn positions(&mut self) {
        let Some(connection) = &self.connection else { return };
        let (forgotten, settled) = self.shared.take_forgotten();
        let forgotten = forgotten.iter().try_for_each(|name| {
            connection.execute("DELETE FROM destinations WHERE name = ?1", [name]).map(drop)
        });
        let settled = settled.iter().try_for_each(|(key, told)| untold::settle(connection, key, *told));
        match forgotten.and(settled).and_then(|()| commit(connection, self.base(), &[], &self.shared.slots()))
        {
            Ok(()) => self.checkpoints.committed(),
            // With the next alert it is tried again, and told then.
            Err(error) => tracing::debug!("positions of the destinations: {error}"),
        }
    }

    /// Opens the file; where the destinations were in it.
    fn reach(&mut self) -> Result<HashMap<String, i64>, String> {
        let path = self.shared.settings.path.clone();
        if self.lock.is_none() {
            self.lock = Some(file::lock(&path).map_err(|error| error.to_string())?);
        }
        let mut told = Told::default();
        let opened = file::open(&path, &mut told);
        self.shared.counts.set_aside.fetch_add(told.set_aside, Ordering::Relaxed);
        told.sentences.into_iter().for_each(|sentence| self.shared.tell(sentence));
        let Opened { connection, last, places } = opened?;
        self.shared.base.store(last, Ordering::SeqCst);
        self.identity = identity(&path);
        self.connection = Some(connection);
        Ok(places)
    }

    /// [`Writer::reach`] while destinations are at work already: what an earlier run left to them stays in the file.
    fn reach_late(&mut self) -> Result<(), String> {
        let places = self.reach()?;
        for (name, place) in places.into_iter().filter(|(_, place)| *place < 0) {
            self.shared.tell(format!(
                "{} alerts of an earlier run were not sent to {name}: the store could not be opened at the start; \
                 they stand in it",
                place.unsigned_abs()
            ));
        }
        self.count();
        Ok(())
    }

    /// Sets the file aside and begins a new one; numbers go on.
    fn replace(&mut self, why: &str) {
        let base = self.base();
        self.connection = None;
        let _shut = self.checkpoints.shut();
        let path = &self.shared.settings.path;
        if path.exists() {
            match file::set_aside(path, why) {
                Ok(sentence) => self.shared.tell(sentence),
                Err(why) => {
                    tracing::warn!("{}: {why}", path.display());
                    return;
                }
            }
            self.shared.counts.set_aside.fetch_add(1, Ordering::Relaxed);
        } else {
            self.shared.tell(format!("the store {} is gone; it is begun anew", path.display()));
        }
        match file::open(path, &mut Told::default()) {
            Ok(Opened { connection, .. }) => {
                self.shared.base.store(base, Ordering::SeqCst);
                self.shared.slots().iter().for_each(|slot| slot.written.store(UNWRITTEN, Ordering::SeqCst));
                self.identity = identity(path);
                self.connection = Some(connection);
                self.shared.counts.rows.store(0, Ordering::Relaxed);
            }
            Err(why) => tracing::warn!("{}: {why}", path.display()),
        }
    }

    /// Deletes what is too old or too much, for as long as nothing else is to be done.
    fn tidy(&mut self) {
        self.rows = 0;
        let path = &self.shared.settings.path;
        if self.connection.is_some() && identity(path) != self.identity {
            // Somebody has deleted or replaced it: what is written would be seen by nobody.
            let why = "another file has its name";
            self.replace(why);
        }
        let Some(connection) = &self.connection else { return };
        let slots = self.shared.slots();
        let taken = slots.iter().map(|slot| slot.taken.load(Ordering::SeqCst)).min();
        let untaken = taken.map_or(i64::MAX, |taken| self.base().saturating_add(taken).saturating_add(1));
        match retention::tidy(connection, &self.shared.settings, untaken) {
            Ok(0) => {}
            Ok(deleted) => {
                let deleted = deleted as u64;
                let counts = &self.shared.counts;
                counts.deleted.fetch_add(deleted, Ordering::Relaxed);
                let _ = counts.rows.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |rows| {
                    Some(rows.saturating_sub(deleted))
                });
                self.checkpoints.committed();
            }
            Err(error) => tracing::debug!("old alerts cannot be deleted: {error}"),
        }
        self.measure();
    }

    /// Counts the rows, once: it takes a while.
    fn count(&self) {
        let Some(connection) = &self.connection else { return };
        let rows = connection.query_row("SELECT count(*) FROM alerts", [], |row| row.get::<_, i64>(0));
        self.shared
            .counts
            .rows
            .store(rows.ok().and_then(|rows| rows.try_into().ok()).unwrap_or(0), Ordering::Relaxed);
        self.measure();
    }

    fn measure(&self) {
        let path = &self.shared.settings.path;
        let size = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
        self.shared.counts.bytes.store(size(path) + size(&beside(path, "-wal")), Ordering::Relaxed);
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// Writes the rows, and those positions that have moved.
fn commit(
    connection: &Connection,
    base: i64,
    alerts: &[(i64, Arc<Alert>)],
    slots: &[Arc<Slot>],
) -> rusqlite::Result<()> {
    let moved: Vec<(&Slot, i64)> = slots
        .iter()
        .filter(|slot| !slot.left.load(Ordering::SeqCst))
        .map(|slot| (&**slot, slot.taken.load(Ordering::SeqCst)))
        .filter(|(slot, taken)| *taken != slot.written.load(Ordering::SeqCst))
        .collect();
    if alerts.is_empty() && moved.is_empty() {
        return Ok(());
    }
    let transaction = connection.unchecked_transaction()?;
    row::insert(&transaction, base, alerts)?;
    untold::count(&transaction, alerts)?;
    for (slot, taken) in &moved {
        transaction.execute(
            "INSERT INTO destinations (name, seq) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET seq = ?2",
            params![slot.name, base + taken],
        )?;
    }
    transaction.commit()?;
    moved.iter().for_each(|(slot, taken)| slot.written.store(*taken, Ordering::SeqCst));
    Ok(())
}
