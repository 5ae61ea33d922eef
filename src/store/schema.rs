//! The tables, and how an older store becomes the present one.

use rusqlite::Connection;

/// `PRAGMA application_id`: `AWRD`, by which the file is known as ours (file(1) shows it).
pub(super) const APPLICATION: i32 = 0x4157_5244;

/// What makes version n + 1 out of version n; a new file is version 0 and takes all. Steps that were released are
/// never changed.
///
/// `seq` is the order in which alerts were made; `time` (of the event) is in milliseconds
/// since the Unix epoch. `users` holds every name and number of an account in the alert, as `|alice|1000|root|0|`.
/// The document, and
/// what is taken from it (`user` to `case_id`), are written a moment after the rest. A destination's `seq` is the last that its receiver has taken.
/// `kept_from` names the destinations that are not sent the alert, as `|far|file|`, or all of them as `*`; `suppressed`
/// says why, where it was kept back from somebody who asks for such alerts. `untold` has how many of them nobody was told
/// of yet.
pub(super) const STEPS: &[&str] = &[
    "
    CREATE TABLE alerts (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL,
        time INTEGER NOT NULL,
        rule_id TEXT NOT NULL,
        rule_uuid TEXT NOT NULL,
        rule_name TEXT NOT NULL,
        severity INTEGER NOT NULL,
        user TEXT,
        users TEXT NOT NULL DEFAULT '',
        session TEXT,
        host TEXT,
        case_id TEXT,
        line TEXT NOT NULL,
        document TEXT
    ) STRICT;
    CREATE INDEX alerts_time ON alerts (time);
    CREATE TABLE destinations (name TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
",
    "
    ALTER TABLE alerts ADD COLUMN kept_from TEXT;
    ALTER TABLE alerts ADD COLUMN suppressed TEXT;
",
    "
    CREATE TABLE untold (
        kept_by TEXT NOT NULL,
        rule_uuid TEXT NOT NULL,
        destination TEXT NOT NULL,
        grouped TEXT NOT NULL,
        why TEXT NOT NULL,
        common TEXT NOT NULL,
        rule_name TEXT NOT NULL,
        count INTEGER NOT NULL,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        PRIMARY KEY (kept_by, rule_uuid, destination, grouped)
    ) STRICT, WITHOUT ROWID;
",
];

/// What is wrong with a file that SQLite can read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Mismatch {
    /// It is no store of auditward's.
    Foreign,
    /// A newer auditward made it.
    Newer(i32),
}

fn number(connection: &Connection, sql: &str) -> rusqlite::Result<i32> {
    connection.query_row(sql, [], |row| row.get(0))
}

/// Why an auditward that knows `steps` cannot use the file.
///
/// # Errors
/// Those of SQLite.
pub(super) fn mismatch(connection: &Connection, steps: &[&str]) -> rusqlite::Result<Option<Mismatch>> {
    let application = number(connection, "PRAGMA application_id")?;
    let version = number(connection, "PRAGMA user_version")?;
    let empty = number(connection, "SELECT count(*) FROM sqlite_schema")? == 0;
    let ours = application == APPLICATION || (empty && application == 0 && version == 0);
    Ok(match usize::try_from(version) {
        _ if !ours => Some(Mismatch::Foreign),
        Ok(known) if known <= steps.len() => None,
        _ => Some(Mismatch::Newer(version)),
    })
}

/// Whether nothing was ever written to it.
///
/// # Errors
/// Those of SQLite.
pub(super) fn is_new(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(number(connection, "PRAGMA user_version")? == 0)
}

/// Brings the file to the version of `steps`, all of it or nothing.
///
/// # Errors
/// Those of SQLite.
pub(super) fn migrate(connection: &Connection, steps: &[&str]) -> rusqlite::Result<()> {
    let version = usize::try_from(number(connection, "PRAGMA user_version")?).unwrap_or(usize::MAX);
    let missing = steps.get(version..).unwrap_or_default();
    if missing.is_empty() {
        return Ok(());
    }
    let transaction = connection.unchecked_transaction()?;
    missing.iter().try_for_each(|step| transaction.execute_batch(step))?;
    transaction.execute_batch(&format!(
        "PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {};",
        steps.len()
    ))?;
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_store_is_migrated_and_keeps_its_rows() {
        let connection = Connection::open_in_memory().expect("memory");
        assert_eq!(mismatch(&connection, STEPS).expect("readable"), None);
        migrate(&connection, STEPS).expect("made");
        connection.execute("INSERT INTO destinations VALUES ('syslog', 7)", []).expect("written");
        let mut next = STEPS.to_vec();
        next.push("ALTER TABLE destinations ADD COLUMN told INTEGER NOT NULL DEFAULT 3");
        migrate(&connection, &next).expect("migrated");
        let row = connection.query_row("SELECT seq, told FROM destinations", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
        });
        assert_eq!(row.expect("a row"), (7, 3));
        let version: i32 =
            connection.query_row("PRAGMA user_version", [], |row| row.get(0)).expect("a version");
        assert_eq!(version as usize, STEPS.len() + 1);
        // And the one before cannot use it.
        assert_eq!(mismatch(&connection, STEPS).expect("readable"), Some(Mismatch::Newer(version)));
    }

    #[test]
    fn a_step_that_fails_leaves_the_version_before() {
        let connection = Connection::open_in_memory().expect("memory");
        migrate(&connection, STEPS).expect("made");
        let mut next = STEPS.to_vec();
        next.push("CREATE TABLE more (x); CREATE TABLE alerts (x)");
        assert!(migrate(&connection, &next).is_err());
        let tables: i32 = connection
            .query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'more'", [], |row| row.get(0))
            .expect("a count");
        assert_eq!(tables, 0);
        let version = number(&connection, "PRAGMA user_version").expect("a version");
        assert_eq!(version as usize, STEPS.len());
    }

    #[test]
    fn a_foreign_database_is_known_as_one() {
        let connection = Connection::open_in_memory().expect("memory");
        connection.execute_batch("CREATE TABLE x (y)").expect("made");
        assert_eq!(mismatch(&connection, STEPS).expect("readable"), Some(Mismatch::Foreign));
    }
}
