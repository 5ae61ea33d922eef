//! An alert as it stands in the store.

use std::borrow::Cow;

use jiff::Timestamp;
use rusqlite::{Row, Transaction, params};
use serde_json::{Map, Value};

use crate::alert::{Alert, read, text};
use crate::rule::Severity;

/// What is written of an alert.
#[derive(Debug)]
pub(super) struct NewRow {
    /// Its number in this run; see [`super::shared`].
    pub(super) number: i64,
    id: String,
    time: i64,
    rule_id: String,
    rule_uuid: String,
    rule_name: String,
    severity: Severity,
    user: Option<String>,
    users: String,
    session: Option<String>,
    host: Option<String>,
    case_id: Option<String>,
    line: String,
    document: String,
}

/// Where a document names accounts. The first that is there is the user whose alert it is: who logged in, or else
/// as whom the process ran.
const USERS: [&str; 9] = [
    "user.audit.name",
    "user.audit.id",
    "user.name",
    "user.id",
    "user.effective.name",
    "user.effective.id",
    "user.target.name",
    "user.target.id",
    "auditward.target.user.name",
];

/// `auid` of what no login stands behind, as records have it: not an account.
const UNSET: [&str; 2] = ["unset", "4294967295"];

impl NewRow {
    /// The row of `alert`, which is number `number`.
    pub(super) fn of(number: i64, alert: &Alert) -> Self {
        let document = alert.json().into_owned();
        let fields: Map<String, Value> = serde_json::from_str(&document).unwrap_or_default();
        let get = |path: &str| read::text(&fields, path).map(Cow::into_owned);
        let mut users: Vec<String> = Vec::new();
        for name in USERS.iter().filter_map(|path| get(path)) {
            if !users.contains(&name) && !UNSET.contains(&name.as_str()) {
                users.push(name);
            }
        }
        Self {
            number,
            id: alert.id.clone(),
            time: alert.time().as_millisecond(),
            rule_id: alert.rule.id.clone(),
            rule_uuid: alert.rule.uuid.clone(),
            rule_name: alert.rule.name.clone(),
            severity: alert.rule.severity,
            user: users.first().cloned(),
            users: format!("|{}|", users.join("|")),
            session: get("auditd.session").filter(|session| !UNSET.contains(&session.as_str())),
            host: get("host.name"),
            case_id: get("auditward.case.id"),
            line: alert.line.clone(),
            document,
        }
    }

    /// Its place in the log, about, in bytes.
    pub(super) fn size(&self) -> u64 {
        (self.line.len() + self.document.len() + 512) as u64
    }
}

/// Writes the rows; `base` is what stood in the store before this run.
///
/// # Errors
/// Those of SQLite.
pub(super) fn insert(transaction: &Transaction<'_>, base: i64, rows: &[NewRow]) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare(
        "INSERT INTO alerts (seq, id, time, rule_id, rule_uuid, rule_name, severity, user, users, session, host, \
         case_id, line, document) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )?;
    for row in rows {
        insert.execute(params![
            base + row.number,
            row.id,
            row.time,
            row.rule_id,
            row.rule_uuid,
            row.rule_name,
            row.severity.number(),
            row.user,
            row.users,
            row.session,
            row.host,
            row.case_id,
            row.line,
            row.document,
        ])?;
    }
    Ok(())
}

/// An alert as it was stored: what is sent of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAlert {
    /// Its place in the order of all alerts.
    pub seq: i64,
    /// `event.id`.
    pub id: String,
    /// When the (last) event happened.
    pub time: Timestamp,
    /// The rule's short id.
    pub rule_id: String,
    /// The rule's name.
    pub rule_name: String,
    /// The rule's severity.
    pub severity: Severity,
    /// The readable line, whole.
    pub line: String,
    /// The ECS document, as one line of JSON.
    pub document: String,
}

impl StoredAlert {
    /// The columns of [`StoredAlert::read`], in its order.
    pub(super) const COLUMNS: &str = "seq, id, time, rule_id, rule_name, severity, line, document";

    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let severity: u8 = row.get(5)?;
        Ok(Self {
            seq: row.get(0)?,
            id: row.get(1)?,
            time: Timestamp::from_millisecond(row.get(2)?).unwrap_or_default(),
            rule_id: row.get(3)?,
            rule_name: row.get(4)?,
            severity: Severity::ALL
                .into_iter()
                .find(|one| one.number() == severity)
                .unwrap_or(Severity::High),
            line: row.get(6)?,
            document: row.get(7)?,
        })
    }

    /// The ECS document, as nested objects.
    #[must_use]
    pub fn fields(&self) -> Map<String, Value> {
        serde_json::from_str(&self.document).unwrap_or_default()
    }

    /// As [`Alert::line_within`].
    #[must_use]
    pub fn line_within(&self, limit: usize) -> Cow<'_, str> {
        if self.line.len() <= limit {
            return Cow::Borrowed(&self.line);
        }
        Cow::Owned(text::line_within(self.severity, &self.fields(), limit))
    }

    /// About how many bytes of memory it takes.
    #[must_use]
    pub fn size(&self) -> usize {
        size_of::<Self>() + self.line.len() + self.document.len()
    }
}
