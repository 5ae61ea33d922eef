//! An alert as it stands in the store.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, Row, Statement, Transaction, params};
use serde_json::{Map, Value};

use crate::alert::{Alert, json, read, text};
use crate::clean;
use crate::event::{ECS_VERSION, data_stream};
use crate::rule::Severity;

const INSERT: &str = "INSERT INTO alerts (seq, id, time, rule_id, rule_uuid, rule_name, severity, line, kept_from, suppressed) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";

const DOCUMENT: &str = "UPDATE alerts SET document = ?2, user = ?3, users = ?4, session = ?5, host = ?6, case_id = ?7 WHERE seq = ?1";

/// Whether rows and documents can be written at all: a file may be sound and have other tables.
///
/// # Errors
/// Those of SQLite.
pub(super) fn can_be_written(connection: &Connection) -> rusqlite::Result<()> {
    [INSERT, DOCUMENT].iter().try_for_each(|sql| connection.prepare(sql).map(drop))
}

/// Writes the rows, without their documents: those take longer to make than all the rest, and the line waits for this.
/// `base` is what stood in the store before this run.
///
/// # Errors
/// Those of SQLite.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    base: i64,
    alerts: &[(i64, Arc<Alert>)],
) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare(INSERT)?;
    for (number, alert) in alerts {
        let (rule, kept) = (&alert.rule, alert.kept_from.get());
        insert.execute(params![
            base + number,
            alert.id,
            alert.time().as_millisecond(),
            rule.id,
            rule.uuid,
            rule.name,
            alert.severity.number(),
            alert.line,
            kept.map(|kept| &*kept.destinations),
            kept.and_then(|kept| kept.why),
        ])?;
    }
    Ok(())
}

/// What [`document`] is run with.
///
/// # Errors
/// Those of SQLite.
pub(super) fn prepare_document<'a>(transaction: &'a Transaction<'_>) -> rusqlite::Result<Statement<'a>> {
    transaction.prepare(DOCUMENT)
}

/// Writes the document of a row that is there, and by what it is looked up. About how many bytes that were.
///
/// # Errors
/// Those of SQLite.
pub(super) fn document(update: &mut Statement<'_>, seq: i64, alert: &Alert) -> rusqlite::Result<u64> {
    // It is written once.
    alert.settle();
    let (document, who) = alert.json_and_who();
    update.execute(params![
        seq,
        document,
        who.user.as_deref(),
        who.users,
        who.session.as_deref(),
        who.host.as_deref(),
        who.case.as_deref(),
    ])?;
    Ok((document.len() + alert.line.len()) as u64)
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
    /// The ECS document, as one line of JSON. Of an alert whose document was not written any more, since the daemon was
    /// killed: what can be said without, with `truncated`, and the line as `auditward.line`.
    pub document: String,
}

impl StoredAlert {
    /// The columns of [`StoredAlert::read`], in its order.
    pub(super) const COLUMNS: &str = "seq, id, time, rule_id, rule_name, severity, line, document";

    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let severity: u8 = row.get(5)?;
        let document: Option<String> = row.get(7)?;
        let mut alert = Self {
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
            document: document.unwrap_or_default(),
        };
        if alert.document.is_empty() {
            alert.document = alert.least();
        }
        Ok(alert)
    }

    /// Whether the document is that of the alert: see [`StoredAlert::document`].
    #[must_use]
    pub fn is_whole(&self) -> bool {
        read::get(&self.fields(), "auditward.line").is_none()
    }

    /// A document made of the line alone.
    fn least(&self) -> String {
        let sentence = self.line.split("; time=").next().unwrap_or_default();
        let document = serde_json::json!({
            "@timestamp": self.time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
            "message": sentence,
            "truncated": true,
            "event": {
                "kind": "alert",
                "severity": self.severity.number(),
                "id": self.id,
                "module": "auditward",
                "dataset": "auditward.alert",
            },
            "auditward": { "left_out": ["*"], "line": self.line },
            "data_stream": data_stream("auditward.alert"),
            "ecs": { "version": ECS_VERSION },
            "rule": { "name": self.rule_name, "id": self.rule_id },
        });
        let mut text = Vec::new();
        json::push(&mut text, &document, json::Charset::Utf8);
        String::from_utf8(text).unwrap_or_default()
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
        if !self.is_whole() {
            return Cow::Borrowed(clean::cut(&self.line, limit));
        }
        let fields = self.fields();
        Cow::Owned(text::line_within(self.severity, &fields, limit))
    }

    /// About how many bytes of memory it takes.
    #[must_use]
    pub fn size(&self) -> usize {
        size_of::<Self>() + self.line.len() + self.document.len()
    }
}
