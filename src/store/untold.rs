//! How many alerts were kept back of which nobody was told yet: a run that is killed owes it to the next one.
//!
//! What is counted, and what tells the number, is written with the commit of the alert itself, so that both are there or
//! neither.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use crate::alert::{Alert, Counted, RestKey, Untold};

/// Counts the alerts that were kept back, and takes off those that an alert tells of.
///
/// # Errors
/// Those of SQLite.
pub(super) fn count(connection: &Connection, alerts: &[(i64, Arc<Alert>)]) -> rusqlite::Result<()> {
    let kept = |alert: &Alert| alert.kept_from.get().is_some_and(|kept| !kept.counted.is_empty());
    if !alerts.iter().any(|(_, alert)| alert.tells.is_some() || kept(alert)) {
        return Ok(());
    }
    let mut add = connection.prepare(
        "INSERT INTO untold (kept_by, rule_uuid, destination, grouped, why, common, rule_name, count, first, last) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8, ?8) ON CONFLICT DO UPDATE SET why = excluded.why, \
         count = count + 1, first = min(first, excluded.first), last = max(last, excluded.last)",
    )?;
    for (_, alert) in alerts {
        for Counted { key, why, common } in alert.kept_from.get().iter().flat_map(|kept| &kept.counted) {
            let RestKey { by, rule_uuid, destination, group } = key;
            let common = serde_json::to_string(common).unwrap_or_default();
            let (name, time) = (&alert.rule.name, alert.time().as_millisecond());
            add.execute(params![by, rule_uuid, destination, group, why, common, name, time])?;
        }
        if let Some((key, told)) = &alert.tells {
            settle(connection, key, *told)?;
        }
    }
    Ok(())
}

/// So many of them were told.
///
/// # Errors
/// Those of SQLite.
pub(super) fn settle(connection: &Connection, key: &RestKey, told: u64) -> rusqlite::Result<()> {
    let which = "kept_by = ?1 AND rule_uuid = ?2 AND destination = ?3 AND grouped = ?4";
    let RestKey { by, rule_uuid, destination, group } = key;
    let told = i64::try_from(told).unwrap_or(i64::MAX);
    let all = format!("DELETE FROM untold WHERE {which} AND count <= ?5");
    connection.execute(&all, params![by, rule_uuid, destination, group, told])?;
    let some = format!("UPDATE untold SET count = count - ?5 WHERE {which}");
    connection.execute(&some, params![by, rule_uuid, destination, group, told])?;
    Ok(())
}

/// All of it, in the order of the first alert of each.
///
/// # Errors
/// Those of SQLite.
pub(super) fn read(connection: &Connection) -> rusqlite::Result<Vec<Untold>> {
    let mut select = connection.prepare(
        "SELECT kept_by, rule_uuid, destination, grouped, why, common, rule_name, count, first, last FROM untold \
         ORDER BY first, rule_uuid",
    )?;
    let untold = |row: &Row<'_>| {
        let time = |n| row.get(n).map(|millis| Timestamp::from_millisecond(millis).unwrap_or_default());
        let common: String = row.get(5)?;
        Ok(Untold {
            counted: Counted {
                key: RestKey {
                    by: row.get(0)?,
                    rule_uuid: row.get(1)?,
                    destination: row.get(2)?,
                    group: row.get(3)?,
                },
                why: row.get(4)?,
                common: serde_json::from_str(&common).unwrap_or_default(),
            },
            rule_name: row.get(6)?,
            count: row.get::<_, i64>(7)?.unsigned_abs(),
            from: time(8)?,
            to: time(9)?,
        })
    };
    select.query_map([], untold)?.collect()
}
