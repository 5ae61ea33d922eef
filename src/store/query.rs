//! Reading for people: a page of alerts after another, by time, rule, user and severity.

use std::borrow::Cow;
use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::row::StoredAlert;
use super::{file, schema};
use crate::rule::Severity;

/// Alerts of one page, and about how many bytes.
const ROWS: i64 = 64;
const BYTES: usize = 1 << 20;

/// Which alerts are wanted. All that is given must be so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Query {
    /// Of events at or after this time, in milliseconds since the Unix epoch.
    pub since: Option<i64>,
    /// Of events before this time.
    pub until: Option<i64>,
    /// Of the rule of this short id, uuid or name.
    pub rule: Option<String>,
    /// In which an account of this name or number is named: who logged in, as whom it was done, or to whom.
    pub user: Option<String>,
    /// Of this severity (21, 47, 73, 99) or above.
    pub severity: Option<u8>,
    /// Whose id begins so.
    pub id: Option<String>,
    /// Behind this place in the order.
    pub after: Option<i64>,
    /// Before this place.
    pub before: Option<i64>,
    /// Only those that were kept back from a destination that asks for such alerts; or else only those that went out,
    /// or were to. None: all.
    pub suppressed: Option<bool>,
    /// The newest first; else the oldest.
    pub newest: bool,
}

impl Query {
    /// Reads what [`Query::text`] writes.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    /// As one line.
    #[must_use]
    pub fn text(&self) -> String {
        // A struct of plain values: this cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The store, open to be read.
#[derive(Debug)]
pub struct Reader(Connection);

impl Reader {
    /// Opens the file. Nothing in it is changed.
    ///
    /// # Errors
    /// It is not there, empty, or no store of this version; in words.
    pub fn open(path: &Path) -> Result<Self, String> {
        let connection = file::open_to_read(path).map_err(|error| error.to_string())?;
        file::usable(&connection).map_err(|why| why.to_string())?;
        if schema::is_new(&connection).map_err(|error| error.to_string())? {
            return Err("nothing was ever written to this file: is it the store?".to_owned());
        }
        Ok(Self(connection))
    }

    /// The first page of what is wanted; the next one is asked for with `after` (or `before`) the last. Empty when there
    /// is none.
    ///
    /// # Errors
    /// Those of SQLite, in words.
    pub fn page(&self, query: &Query) -> Result<Vec<StoredAlert>, String> {
        self.read(query).map_err(|error| error.to_string())
    }

    fn read(&self, query: &Query) -> rusqlite::Result<Vec<StoredAlert>> {
        let order = if query.newest { "DESC" } else { "ASC" };
        let mut select = self.0.prepare(&format!(
            "SELECT {} FROM alerts WHERE (?1 IS NULL OR time >= ?1) AND (?2 IS NULL OR time < ?2) \
             AND (?3 IS NULL OR rule_id = ?3 OR rule_uuid = ?3 OR rule_name = ?3 COLLATE NOCASE) \
             AND (?4 IS NULL OR instr(users, '|' || ?4 || '|') > 0) AND (?5 IS NULL OR severity >= ?5) \
             AND (?6 IS NULL OR substr(id, 1, length(?6)) = ?6) AND (?7 IS NULL OR seq > ?7) \
             AND (?8 IS NULL OR seq < ?8) \
             AND (?9 IS NULL OR (?9 AND suppressed IS NOT NULL) \
             OR (NOT ?9 AND (suppressed IS NULL OR kept_from <> '*'))) ORDER BY seq {order} LIMIT ?10",
            StoredAlert::COLUMNS
        ))?;
        let mut rows = select.query(params![
            query.since,
            query.until,
            query.rule,
            query.user,
            query.severity,
            query.id,
            query.after,
            query.before,
            query.suppressed,
            ROWS
        ])?;
        let (mut alerts, mut bytes) = (Vec::new(), 0);
        while bytes < BYTES
            && let Some(row) = rows.next()?
        {
            let alert = StoredAlert::read(row)?;
            bytes += alert.size();
            alerts.push(alert);
        }
        Ok(alerts)
    }
}

/// Whose alerts are counted: see [`Reader::tally`]. All that is given must be so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Of events at or after this time, in milliseconds since the Unix epoch.
    pub since: i64,
    /// Of events before or at this time.
    pub until: i64,
    /// But not the one of this id.
    pub but: String,
    /// In which an account of this name or number is named.
    pub user: Option<String>,
    /// Of this login session.
    pub session: Option<String>,
    /// Of this host.
    pub host: Option<String>,
}

/// Alerts of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// The rule's short id.
    pub rule_id: String,
    /// Its name.
    pub rule_name: String,
    /// How many there are.
    pub count: i64,
    /// When the newest was, in milliseconds since the Unix epoch.
    pub newest: i64,
}

/// Rules that are told of one tally.
const RULES: i64 = 32;

impl Reader {
    /// Alerts by rule, the rule with the newest first.
    ///
    /// # Errors
    /// Those of SQLite, in words.
    pub fn tally(&self, wanted: &Wanted) -> Result<Vec<Tally>, String> {
        self.try_tally(wanted).map_err(|error| error.to_string())
    }

    fn try_tally(&self, wanted: &Wanted) -> rusqlite::Result<Vec<Tally>> {
        let mut select = self.0.prepare(
            "SELECT rule_id, rule_name, count(*), max(time) FROM alerts WHERE time BETWEEN ?1 AND ?2 AND id <> ?3 \
             AND (?4 IS NULL OR instr(users, '|' || ?4 || '|') > 0) AND (?5 IS NULL OR session = ?5) \
             AND (?6 IS NULL OR host = ?6) GROUP BY rule_uuid ORDER BY max(time) DESC, max(seq) DESC LIMIT ?7",
        )?;
        let Wanted { since, until, but, user, session, host } = wanted;
        let rows = select.query_map(params![since, until, but, user, session, host, RULES], |row| {
            let (rule_id, rule_name) = (row.get(0)?, row.get(1)?);
            Ok(Tally { rule_id, rule_name, count: row.get(2)?, newest: row.get(3)? })
        })?;
        rows.collect()
    }
}

/// An alert on its way from the daemon to the command line.
#[derive(Serialize, Deserialize)]
struct Wire<'a> {
    seq: i64,
    #[serde(borrow)]
    id: Cow<'a, str>,
    time: i64,
    #[serde(borrow)]
    rule_id: Cow<'a, str>,
    #[serde(borrow)]
    rule_name: Cow<'a, str>,
    severity: u8,
    #[serde(borrow)]
    line: Cow<'a, str>,
    #[serde(borrow)]
    document: Cow<'a, str>,
}

impl StoredAlert {
    /// As one line, which [`StoredAlert::of_wire`] reads.
    #[must_use]
    pub fn wire(&self) -> String {
        let wire = Wire {
            seq: self.seq,
            id: self.id.as_str().into(),
            time: self.time.as_millisecond(),
            rule_id: self.rule_id.as_str().into(),
            rule_name: self.rule_name.as_str().into(),
            severity: self.severity.number(),
            line: self.line.as_str().into(),
            document: self.document.as_str().into(),
        };
        // Plain values: this cannot fail.
        serde_json::to_string(&wire).unwrap_or_default()
    }

    /// Reads what [`StoredAlert::wire`] writes.
    #[must_use]
    pub fn of_wire(line: &str) -> Option<Self> {
        let wire: Wire<'_> = serde_json::from_str(line).ok()?;
        Some(Self {
            seq: wire.seq,
            id: wire.id.into_owned(),
            time: Timestamp::from_millisecond(wire.time).ok()?,
            rule_id: wire.rule_id.into_owned(),
            rule_name: wire.rule_name.into_owned(),
            severity: Severity::ALL.into_iter().find(|one| one.number() == wire.severity)?,
            line: wire.line.into_owned(),
            document: wire.document.into_owned(),
        })
    }
}
