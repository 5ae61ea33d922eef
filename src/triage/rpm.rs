//! Which package a file is of by rpm's database, read as a file.
//!
//! Since rpm 4.16 it is an SQLite file (lib/backend/sqlite.c): a table `Basenames` of the last parts of all paths with the package
//! and the file's number in it, and a table `Packages` of headers. Of a header is read what is asked for
//! (lib/header.c: a count of entries, a length, the entries as tag, type, offset and count, and the data; all numbers with the
//! highest byte first). One question is one look into an index and one header, or a few of them. The formats before (Berkeley
//! DB) and beside it (ndb, of SUSE) are not read, which is said.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use super::packages::Package;

/// Where it is, below a root: of Fedora and SUSE, of RHEL.
const PLACES: [&str; 2] = ["usr/lib/sysimage/rpm", "var/lib/rpm"];

/// The SQLite file in it.
const FILE: &str = "rpmdb.sqlite";

/// Others that it may have instead.
const OTHERS: [&str; 2] = ["Packages", "Packages.db"];

/// Files with the same last part in their path that are looked at.
const MOST: i64 = 64;

/// Bytes of a header: HEADER_DATA_MAX of lib/header.c is 256 MiB, ours is what an alert may wait for.
const LARGEST: i64 = 16 << 20;

/// Tags of a header (include/rpm/rpmtag.h).
mod tag {
    pub(super) const NAME: u32 = 1000;
    pub(super) const INSTALLTIME: u32 = 1008;
    pub(super) const FILEDIGESTS: u32 = 1035;
    pub(super) const DIRINDEXES: u32 = 1116;
    pub(super) const BASENAMES: u32 = 1117;
    pub(super) const DIRNAMES: u32 = 1118;
    pub(super) const FILEDIGESTALGO: u32 = 5011;
}

/// `PGPHASHALGO_SHA256`
const SHA256: u32 = 8;

/// Why it does not tell.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotTold {
    /// It is not there.
    None,
    Because(String),
}

/// Where databases of rpm may be.
pub(super) fn databases(root: &Path) -> impl Iterator<Item = PathBuf> {
    PLACES.map(|place| root.join(place).join(FILE)).into_iter()
}

/// The package that has a file of one of these names.
///
/// # Errors
/// There is no database, or none that can be read.
pub(super) fn owner(root: &Path, names: [&str; 2]) -> Result<Option<Package>, NotTold> {
    let Some(file) = databases(root).find(|file| file.exists()) else {
        let other = PLACES.iter().flat_map(|place| OTHERS.map(|name| root.join(place).join(name)));
        return Err(match other.into_iter().any(|file| file.exists()) {
            true => NotTold::Because("rpm's database here is of a kind that is not read".to_owned()),
            false => NotTold::None,
        });
    };
    look(&file, names).map_err(|error| NotTold::Because(format!("rpm's database: {error}")))
}

fn look(file: &Path, names: [&str; 2]) -> rusqlite::Result<Option<Package>> {
    // Without a lock and without the log beside it, both of which only rpm's user may write: a package that is being installed
    // right now is not seen.
    let path = file.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(format!("file:{path}?immutable=1"), flags)?;
    let last = names[0].rsplit('/').next().unwrap_or_default();
    let mut places = database.prepare("SELECT hnum, idx FROM Basenames WHERE key = ?1 LIMIT ?2")?;
    let places: Vec<(i64, u32)> = places
        .query_map(params![last, MOST], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let mut header = database.prepare("SELECT blob FROM Packages WHERE hnum = ?1 AND length(blob) <= ?2")?;
    for (package, index) in places {
        let blob: Option<Vec<u8>> =
            header.query_row(params![package, LARGEST], |row| row.get(0)).optional()?;
        let found =
            blob.as_deref().and_then(Header::of).and_then(|header| header.file(index as usize, names));
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// A header as it lies in the database.
struct Header<'h> {
    entries: &'h [u8],
    data: &'h [u8],
}

/// Bytes of an entry.
const ENTRY: usize = 16;

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

impl<'h> Header<'h> {
    fn of(blob: &'h [u8]) -> Option<Self> {
        let (entries, data) = (number(blob, 0)? as usize, number(blob, 4)? as usize);
        let rest = blob.get(8..)?;
        let (entries, rest) = rest.split_at_checked(entries.checked_mul(ENTRY)?)?;
        Some(Self { entries, data: rest.get(..data)? })
    }

    /// The data of a tag from its beginning, and how many values there are.
    fn data(&self, tag: u32) -> Option<(&'h [u8], usize)> {
        let entry = self.entries.chunks_exact(ENTRY).find(|entry| number(entry, 0) == Some(tag))?;
        Some((self.data.get(number(entry, 8)? as usize..)?, number(entry, 12)? as usize))
    }

    /// A value of an array of texts, each of which ends with a zero.
    fn text(&self, tag: u32, index: usize) -> Option<&'h [u8]> {
        let (data, count) = self.data(tag)?;
        if index >= count {
            return None;
        }
        data.split(|byte| *byte == 0).nth(index)
    }

    fn int(&self, tag: u32, index: usize) -> Option<u32> {
        let (data, count) = self.data(tag)?;
        if index >= count {
            return None;
        }
        number(data, index.checked_mul(4)?)
    }

    /// The package, if its file of this number has one of the names.
    fn file(&self, index: usize, names: [&str; 2]) -> Option<Package> {
        let directory = self.text(tag::DIRNAMES, self.int(tag::DIRINDEXES, index)? as usize)?;
        let path = [directory, self.text(tag::BASENAMES, index)?].concat();
        if !names.iter().any(|name| name.as_bytes() == path) {
            return None;
        }
        let of_sha256 = self.int(tag::FILEDIGESTALGO, 0) == Some(SHA256);
        let digest = self.text(tag::FILEDIGESTS, index).filter(|digest| of_sha256 && !digest.is_empty());
        Some(Package {
            name: String::from_utf8_lossy(self.text(tag::NAME, 0)?).into_owned(),
            installed: self.int(tag::INSTALLTIME, 0)?.into(),
            sha256: digest.map(|digest| String::from_utf8_lossy(digest).into_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::*;

    /// A header of texts and numbers.
    fn header(texts: &[(u32, &[&str])], numbers: &[(u32, &[u32])]) -> Vec<u8> {
        let (mut entries, mut data) = (Vec::new(), Vec::new());
        let mut entry = |tag: u32, kind: u32, at: usize, count: usize| {
            for number in [tag, kind, at as u32, count as u32] {
                entries.extend(number.to_be_bytes());
            }
        };
        for (tag, values) in numbers {
            entry(*tag, 4, data.len(), values.len());
            values.iter().for_each(|value| data.extend(value.to_be_bytes()));
        }
        for (tag, values) in texts {
            entry(*tag, 8, data.len(), values.len());
            values.iter().for_each(|value| data.extend([value.as_bytes(), b"\0"].concat()));
        }
        let count = (texts.len() + numbers.len()) as u32;
        [&count.to_be_bytes()[..], &(data.len() as u32).to_be_bytes(), &entries, &data].concat()
    }

    fn bash() -> Vec<u8> {
        header(
            &[
                (tag::NAME, &["bash"]),
                (tag::BASENAMES, &["bash", "alias", "bash"]),
                (tag::DIRNAMES, &["/usr/bin/", "/usr/share/doc/"]),
                (tag::FILEDIGESTS, &["ab12", "", ""]),
            ],
            &[
                (tag::INSTALLTIME, &[1_790_000_000]),
                (tag::DIRINDEXES, &[0, 0, 1]),
                (tag::FILEDIGESTALGO, &[SHA256]),
            ],
        )
    }

    fn with_database(headers: &[&[u8]], basenames: &[(&str, i64, i64)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a directory");
        fs::create_dir_all(root.path().join(PLACES[0])).expect("a directory");
        let database = Connection::open(root.path().join(PLACES[0]).join(FILE)).expect("a database");
        database
            .execute_batch(
                "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL);
                 CREATE TABLE 'Basenames' (key 'TEXT' NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL);",
            )
            .expect("tables");
        for header in headers {
            database.execute("INSERT INTO Packages (blob) VALUES (?1)", [header]).expect("a package");
        }
        for name in basenames {
            database.execute("INSERT INTO Basenames VALUES (?1, ?2, ?3)", *name).expect("a name");
        }
        root
    }

    #[test]
    fn the_database_says_whose_a_file_is() {
        let root = with_database(&[&bash()], &[("bash", 1, 0), ("alias", 1, 1), ("bash", 1, 2)]);
        let of = |path: &str, other: &str| owner(root.path(), [path, other]).expect("a database");
        let sha256 = Some("ab12".to_owned());
        let bash = Package { name: "bash".to_owned(), installed: 1_790_000_000, sha256 };
        assert_eq!(of("/bin/bash", "/usr/bin/bash"), Some(bash));
        assert_eq!(of("/usr/bin/alias", "/bin/alias").and_then(|package| package.sha256), None);
        assert_eq!(of("/usr/local/bin/bash", "/usr/usr/local/bin/bash"), None);
        assert_eq!(of("/usr/bin/else", "/bin/else"), None);
    }

    #[test]
    fn what_is_no_database_of_ours_is_said_and_what_is_damaged_finds_nothing() {
        let root = tempfile::tempdir().expect("a directory");
        assert_eq!(owner(root.path(), ["/a", "/usr/a"]), Err(NotTold::None));
        fs::create_dir_all(root.path().join(PLACES[1])).expect("a directory");
        fs::write(root.path().join(PLACES[1]).join("Packages"), "b").expect("written");
        let why = "rpm's database here is of a kind that is not read".to_owned();
        assert_eq!(owner(root.path(), ["/a", "/usr/a"]), Err(NotTold::Because(why)));
        fs::write(root.path().join(PLACES[1]).join(FILE), vec![b'x'; 4096]).expect("written");
        let told = owner(root.path(), ["/a", "/usr/a"]).expect_err("no database");
        assert!(format!("{told:?}").contains("rpm's database: "), "{told:?}");

        let whole = bash();
        for length in 0..whole.len() {
            let cut = whole.get(..length).unwrap_or_default();
            let root = Header::of(cut).and_then(|header| header.file(0, ["/usr/bin/bash", ""]));
            assert_eq!(root, None, "{length}");
        }
        for at in 0..whole.len() {
            let mut other = whole.clone();
            if let Some(byte) = other.get_mut(at) {
                *byte = 0xff;
            }
            let _ = Header::of(&other).and_then(|header| header.file(0, ["/usr/bin/bash", ""]));
        }
    }

    /// What rpm itself has written is read.
    #[test]
    fn a_package_that_rpm_installed_is_found() {
        let folder = tempfile::tempdir().expect("a directory");
        let at = folder.path();
        let spec = "Name: example\nVersion: 1\nRelease: 1\nSummary: s\nLicense: MIT\nBuildArch: noarch\n%description\nd\n\
            %install\nmkdir -p %{buildroot}/usr/bin %{buildroot}/opt/x\necho one >%{buildroot}/usr/bin/example\n\
            echo two >%{buildroot}/opt/x/example\n%files\n/usr/bin/example\n/opt/x/example\n";
        fs::write(at.join("example.spec"), spec).expect("written");
        let run = |program: &str, words: &[&str]| {
            let done = Command::new(program).args(words).current_dir(at).env("HOME", at).output();
            done.is_ok_and(|output| output.status.success())
        };
        let top = format!("_topdir {}", at.display());
        let digests = "_binary_filedigest_algorithm 8";
        let place = at.join("root").join(PLACES[0]);
        let database = format!("_dbpath /{}", PLACES[0]);
        let root = at.join("root").display().to_string();
        fs::create_dir_all(&place).expect("a directory");
        let built =
            run("rpmbuild", &["--quiet", "--define", &top, "--define", digests, "-bb", "example.spec"]);
        let package = "RPMS/noarch/example-1-1.noarch.rpm";
        let into = ["--root", &root, "--define", &database, "--define", "_db_backend sqlite"];
        let install = [&into[..], &["-i", "--justdb", "--nodeps", "--noscripts", package]].concat();
        if !built || !run("rpm", &[&into[..], &["--initdb"]].concat()) || !run("rpm", &install) {
            println!("skipped: no rpm that makes packages, or not root");
            return;
        }
        let of = |path: &str| owner(&at.join("root"), [path, "/usr/no"]).expect("a database");
        let found = of("/usr/bin/example").expect("a package");
        assert_eq!(found.name, "example");
        // Of `one` and a line end, as sha256sum(1) has it.
        let one = "2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806";
        assert_eq!(found.sha256.as_deref(), Some(one));
        assert!(found.installed > 1_700_000_000);
        assert_eq!(of("/opt/x/example").map(|package| package.name).as_deref(), Some("example"));
        assert_eq!(of("/opt/example"), None);
    }
}
