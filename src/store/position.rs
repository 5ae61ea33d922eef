//! A destination's place in the store.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rusqlite::{Connection, params};

use super::file::{self, Unusable};
use super::row::StoredAlert;
use super::shared::{Shared, Slot};

/// Alerts read at a time, and about how many bytes.
const ROWS: i64 = 64;
const BYTES: usize = 1 << 20;

/// Whether a row is not for the destination of the name ?3.
const KEPT_FROM: &str =
    "(kept_from IS NOT NULL AND (kept_from = '*' OR instr(kept_from, '|' || ?3 || '|') > 0))";

/// A run of alerts that a destination has not taken, by their numbers in this run; those of earlier runs are not
/// positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// The first.
    pub from: i64,
    /// The last.
    pub to: i64,
    /// How many there are.
    pub alerts: u64,
}

/// See the module's page. Used by the destination's own thread.
#[derive(Debug)]
pub struct Position {
    shared: Arc<Shared>,
    slot: Arc<Slot>,
    reader: Option<Connection>,
    /// What an earlier run, or an earlier destination of the name, has left.
    backlog: Option<Backlog>,
    nudged: i64,
}

impl Position {
    pub(super) fn new(shared: Arc<Shared>, slot: Arc<Slot>, last: i64) -> Self {
        let taken = slot.taken.load(Ordering::SeqCst);
        let alerts = u64::try_from(last - taken).unwrap_or(0);
        let backlog = (alerts > 0).then_some(Backlog { from: taken + 1, to: last, alerts });
        Self { shared, slot, reader: None, backlog, nudged: taken }
    }

    /// What was left to this destination before it began.
    #[must_use]
    pub fn backlog(&self) -> Option<Backlog> {
        self.backlog
    }

    /// Waits until alert `number` was written, or cannot be; a little while only, should the writer stand still.
    pub fn wait_for(&self, number: i64) {
        if !self.shared.wait_for(number) {
            self.shared.counts.early.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether everything up to `number` was written, documents too, or given up; waits for it `at_most`.
    #[must_use]
    pub fn is_settled(&self, number: i64, at_most: Duration) -> bool {
        self.shared.is_settled(number, at_most)
    }

    /// The receiver has taken everything up to `number`, or never will.
    pub fn taken(&self, number: i64) {
        self.slot.taken.store(number, Ordering::SeqCst);
    }

    /// There is nothing more to send at the moment: the place is written soon, and nothing is held open.
    pub fn rest(&mut self) {
        self.reader = None;
        let taken = self.slot.taken.load(Ordering::SeqCst);
        if taken != self.nudged {
            self.nudged = taken;
            self.shared.nudge();
        }
    }

    /// The next alerts of those numbered from `from` to `to`, with their numbers; none when none is left.
    ///
    /// # Errors
    /// Why they cannot be read: in words.
    pub fn read(&mut self, from: i64, to: i64) -> Result<Vec<(i64, StoredAlert)>, String> {
        let read = self.try_read(from, to);
        read.map_err(|error| {
            self.reader = None;
            match Unusable::of(&error) {
                Unusable::Bad(why) => {
                    self.shared.damaged.store(true, Ordering::SeqCst);
                    self.shared.nudge();
                    why
                }
                Unusable::Away(why) => why,
            }
        })
    }

    /// How many of those numbered from `from` to `to` are not for this destination; none where that cannot be read.
    pub fn others(&mut self, from: i64, to: i64) -> Option<u64> {
        let base = self.shared.base.load(Ordering::SeqCst);
        let connection = match &mut self.reader {
            Some(connection) => connection,
            none => none.insert(file::open_to_read(&self.shared.settings.path).ok()?),
        };
        let count = format!("SELECT count(*) FROM alerts WHERE seq BETWEEN ?1 AND ?2 AND {KEPT_FROM}");
        let (from, to) = (base.saturating_add(from), base.saturating_add(to));
        let count =
            connection.query_row(&count, params![from, to, self.slot.name], |row| row.get::<_, i64>(0));
        count.ok().and_then(|count| count.try_into().ok())
    }

    fn try_read(&mut self, from: i64, to: i64) -> rusqlite::Result<Vec<(i64, StoredAlert)>> {
        let base = self.shared.base.load(Ordering::SeqCst);
        let connection = match &mut self.reader {
            Some(connection) => connection,
            none => none.insert(file::open_to_read(&self.shared.settings.path)?),
        };
        let mut select = connection.prepare(&format!(
            "SELECT {} FROM alerts WHERE seq BETWEEN ?1 AND ?2 AND NOT {KEPT_FROM} ORDER BY seq LIMIT ?4",
            StoredAlert::COLUMNS
        ))?;
        let (from, to) = (base.saturating_add(from), base.saturating_add(to));
        let mut rows = select.query(params![from, to, self.slot.name, ROWS])?;
        let (mut alerts, mut bytes) = (Vec::new(), 0);
        while bytes < BYTES
            && let Some(row) = rows.next()?
        {
            let alert = StoredAlert::read(row)?;
            bytes += alert.size();
            alerts.push((alert.seq - base, alert));
        }
        Ok(alerts)
    }
}
