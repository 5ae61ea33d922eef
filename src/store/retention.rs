//! What is deleted again: by age, by size, a bounded number of rows at a time.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::Settings;

/// Rows deleted at a time.
const ROWS: i64 = 256;

/// Free pages that stay in the file, to be used again: giving them back and taking them anew costs writes.
const FREE: i64 = 1024;

/// Pages given back to the file system at a time.
const PAGES: i64 = 256;

const DAY: i64 = 86_400_000;

/// Deletes what is too old or too much, at most [`ROWS`] of either and no more than is too much; how many rows that were. From `untaken` on a
/// destination still waits for it: it is never too old (a clock may be wrong), but may be too much.
///
/// # Errors
/// Those of SQLite.
pub(super) fn tidy(connection: &Connection, settings: &Settings, untaken: i64) -> rusqlite::Result<usize> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let oldest = Timestamp::now().as_millisecond() - i64::from(settings.days) * DAY;
    let transaction = connection.unchecked_transaction()?;
    let mut deleted = transaction.execute(
        "DELETE FROM alerts WHERE seq IN (SELECT seq FROM alerts WHERE time < ?1 AND seq < ?3 ORDER BY time LIMIT ?2)",
        params![oldest, ROWS, untaken],
    )?;
    let used = number("PRAGMA page_count")? - number("PRAGMA freelist_count")?;
    let used = used.saturating_mul(number("PRAGMA page_size")?);
    let too_much = used.saturating_sub(i64::try_from(settings.bytes).unwrap_or(i64::MAX));
    if too_much > 0 {
        // As many as take that space if all are alike: not more, since these are the next to be looked for.
        let rows = number("SELECT coalesce(max(seq) - min(seq) + 1, 0) FROM alerts")?;
        let share = i128::from(too_much) * i128::from(rows) / i128::from(used) + 1;
        let share = i64::try_from(share).unwrap_or(ROWS).min(ROWS);
        deleted += transaction.execute(
            "DELETE FROM alerts WHERE seq IN (SELECT seq FROM alerts ORDER BY seq LIMIT ?1)",
            params![share],
        )?;
    }
    transaction.commit()?;
    if number("PRAGMA freelist_count")? > FREE {
        // It does one page a step.
        let mut vacuum = connection.prepare(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
        let mut steps = vacuum.query([])?;
        while steps.next()?.is_some() {}
    }
    Ok(deleted)
}
