//! Opening the file; what cannot be used is set aside.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use nix::fcntl::OFlag;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::alone::lock_alone;
use super::row;
use super::schema::{self, Mismatch, STEPS};

/// A file of at most so many bytes is checked whole when it is opened. Of a larger one damage is noticed where it is met.
const CHECKED: u64 = 16 << 20;

/// How long another process (sqlite3(1)) may hold the file up.
const BUSY: Duration = Duration::from_millis(50);

/// How many files that were set aside are kept.
const KEPT: usize = 2;

/// Behind the name of a file that was set aside, before the time.
const ASIDE: &str = ".aside-";

/// What every connection is given. The cache is small: a store is mostly written.
const READING: &str = "PRAGMA cache_size = -512; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0;
    PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;";

/// What a connection that writes is given. Checkpoints have a thread of their own.
const WRITING: &str = "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0;
    PRAGMA journal_size_limit = 4194304;";

/// Why a store cannot be used.
#[derive(Debug)]
pub(super) enum Unusable {
    /// The file is no good, and never will be.
    Bad(String),
    /// It cannot be reached at the moment: no space, no permission.
    Away(String),
}

impl Unusable {
    pub(super) fn of(error: &rusqlite::Error) -> Self {
        use ErrorCode::{ConstraintViolation, DatabaseCorrupt, NotADatabase, TypeMismatch, Unknown};
        let text = error.to_string();
        match error {
            rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
                // A table that is missing is told as SQLITE_ERROR; a number that is taken, as a constraint.
                DatabaseCorrupt | NotADatabase | TypeMismatch | Unknown | ConstraintViolation => {
                    Self::Bad(text)
                }
                _ => Self::Away(text),
            },
            rusqlite::Error::SqlInputError { .. }
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::QueryReturnedNoRows => Self::Bad(text),
            _ => Self::Away(text),
        }
    }
}

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::Bad(why) | Self::Away(why)) = self;
        f.write_str(why)
    }
}

impl From<rusqlite::Error> for Unusable {
    fn from(error: rusqlite::Error) -> Self {
        Self::of(&error)
    }
}

impl From<io::Error> for Unusable {
    fn from(error: io::Error) -> Self {
        Self::Away(error.to_string())
    }
}

/// Holds the store for as long as it lives: a second daemon must not write it.
///
/// # Errors
/// Another one has it, or the directory cannot be written.
pub(super) fn lock(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(false).mode(0o600).custom_flags(OFlag::O_NOFOLLOW.bits());
    let file = options.open(beside(path, ".lock"))?;
    lock_alone(&file)?;
    Ok(file)
}

/// A store that can be written.
pub(super) struct Opened {
    pub(super) connection: Connection,
    /// The number of the last alert that was ever in it.
    pub(super) last: i64,
    /// Where the destinations are, less that.
    pub(super) places: HashMap<String, i64>,
}

/// What opening came to beside the store itself.
#[derive(Default)]
pub(super) struct Told {
    /// Sentences for the log.
    pub(super) sentences: Vec<String>,
    /// Files that were set aside.
    pub(super) set_aside: u64,
}

/// Numbers up to here leave room for more alerts than a host can make.
const FURTHEST: i64 = 1 << 60;

/// Opens the store for writing, makes it where it is missing, and sets aside what cannot be used; what is to be told
/// of that goes to `told`.
///
/// # Errors
/// It cannot be reached at the moment.
pub(super) fn open(path: &Path, told: &mut Told) -> Result<Opened, String> {
    for _ in 0..2 {
        match open_as_it_is(path, told) {
            Ok(opened) => return Ok(opened),
            Err(Unusable::Away(why)) => return Err(why),
            Err(Unusable::Bad(why)) => {
                told.sentences.push(set_aside(path, &why)?);
                told.set_aside += 1;
            }
        }
    }
    Err("a new file cannot be used either".to_owned())
}

fn open_as_it_is(path: &Path, told: &mut Told) -> Result<Opened, Unusable> {
    // Created apart, for its mode, which SQLite gives to the files beside it too. Nothing else opens the file: were
    // such a descriptor closed, the locks of SQLite in this process would be gone (fcntl(2)).
    match File::options().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let metadata = fs::symlink_metadata(path)?;
            if !metadata.is_file() {
                return Err(Unusable::Away("not a plain file".to_owned()));
            }
            if metadata.len() == 0 {
                told.sentences.push(format!("the store {} was empty; it is begun anew", path.display()));
            }
        }
        Err(error) => return Err(error.into()),
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.execute_batch(READING)?;
    // Nothing is written before it is known to be ours.
    usable(&connection)?;
    if schema::is_new(&connection)? {
        connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL")?;
    }
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(Unusable::Away(format!("no write-ahead log can be kept here (journal mode {mode})")));
    }
    connection.execute_batch(WRITING)?;
    if fs::metadata(path)?.len() <= CHECKED {
        let sound: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if sound != "ok" {
            return Err(Unusable::Bad(sound));
        }
    }
    schema::migrate(&connection, STEPS)?;
    row::can_be_written(&connection)?;
    let (last, places) = places(&connection)?;
    if !(0..FURTHEST).contains(&last) {
        return Err(Unusable::Bad(format!("the number of its last alert is {last}")));
    }
    Ok(Opened { connection, last, places })
}

/// The last number in the file, and where the destinations are, less that.
fn places(connection: &Connection) -> rusqlite::Result<(i64, HashMap<String, i64>)> {
    // The last may have been deleted and a destination still be there.
    let last = connection.query_row(
        "SELECT max(coalesce((SELECT max(seq) FROM alerts), 0), coalesce((SELECT max(seq) FROM destinations), 0))",
        [],
        |row| row.get::<_, i64>(0),
    )?;
    let mut select = connection.prepare("SELECT name, seq FROM destinations")?;
    let places = select.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.saturating_sub(last))))?;
    Ok((last, places.collect::<rusqlite::Result<_>>()?))
}

/// Whether this version can use the file.
///
/// # Errors
/// Why it cannot.
pub(super) fn usable(connection: &Connection) -> Result<(), Unusable> {
    match schema::mismatch(connection, STEPS)? {
        None => Ok(()),
        Some(Mismatch::Foreign) => Err(Unusable::Bad("it is not auditward's".to_owned())),
        Some(Mismatch::Newer(version)) => Err(Unusable::Bad(format!(
            "a newer auditward made it (version {version}, this one knows {})",
            STEPS.len()
        ))),
    }
}

/// A connection that only reads.
///
/// # Errors
/// Those of SQLite.
pub(super) fn open_to_read(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(4 * BUSY)?;
    connection.execute_batch(READING)?;
    Ok(connection)
}

/// A connection for a checkpoint.
///
/// # Errors
/// Those of SQLite.
pub(super) fn open_to_checkpoint(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.execute_batch(READING)?;
    connection.execute_batch(WRITING)?;
    Ok(connection)
}

/// Renames the file, its log with it, so that it can still be looked at; what is to be told.
///
/// # Errors
/// It cannot be renamed.
pub(super) fn set_aside(path: &Path, why: &str) -> Result<String, String> {
    let stamp = Timestamp::now().strftime("%Y%m%dT%H%M%S.%fZ");
    let aside = beside(path, &format!("{ASIDE}{stamp}"));
    fs::rename(path, &aside).map_err(|error| format!("{why}; and it cannot be set aside: {error}"))?;
    let log = beside(path, "-wal");
    // Left in place it would be taken for the new file's.
    if fs::rename(&log, beside(&aside, "-wal")).is_err() {
        let _ = fs::remove_file(&log);
    }
    let _ = fs::remove_file(beside(path, "-shm"));
    forget_oldest(path);
    Ok(format!(
        "the store {} cannot be used: {why}; it was set aside as {}, and a new one is begun",
        path.display(),
        aside.display()
    ))
}

/// Deletes all but the newest of the files that were set aside.
fn forget_oldest(path: &Path) {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else { return };
    let prefix = format!("{}{ASIDE}", name.to_string_lossy());
    let Ok(entries) = fs::read_dir(directory) else { return };
    let mut aside: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with(&prefix) && !name.ends_with("-wal") && !name.ends_with("-shm")
        })
        .map(|entry| entry.path())
        .collect();
    aside.sort();
    for old in aside.iter().rev().skip(KEPT) {
        for end in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(beside(old, end));
        }
    }
}

/// `path` with `end` behind its name.
pub(super) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}
