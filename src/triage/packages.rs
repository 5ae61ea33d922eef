//! Which package a file is of, by the databases of dpkg and of rpm, as files: no package manager is run.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::rpm;

/// Files that are remembered.
const REMEMBERED: usize = 512;

/// Where they are, below a root.
const DPKG: &str = "var/lib/dpkg";

/// The package of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Package {
    pub(super) name: String,
    /// When it was installed, in seconds since the Unix epoch.
    pub(super) installed: i64,
    /// SHA-256 of the file as it was packed, where that is known.
    pub(super) sha256: Option<String>,
}

/// Device, inode, time of the last change: of a file that is put in place of another it is another.
type Stamp = Option<(u64, u64, i64, i64)>;

/// What was found out, kept for the next alert until a package manager changes something.
#[derive(Debug, Default)]
pub(super) struct Packages {
    known: HashMap<String, Option<Package>>,
    databases: Vec<Stamp>,
}

impl Packages {
    /// What package managers have changed since is asked for anew.
    pub(super) fn refresh(&mut self, root: &Path) {
        let files = [root.join(DPKG).join("status")].into_iter().chain(rpm::databases(root));
        // rpm writes beside its file first.
        let stamps =
            files.flat_map(|file| [stamp(&file.with_extension("sqlite-wal")), stamp(&file)]).collect();
        if self.databases != stamps || self.known.len() > REMEMBERED {
            self.known.clear();
            self.databases = stamps;
        }
    }

    /// Whose a file is; none where no package has it.
    ///
    /// # Errors
    /// Why that is not known.
    pub(super) fn of(&mut self, root: &Path, path: &str, until: Instant) -> Result<Option<Package>, String> {
        if let Some(known) = self.known.get(path) {
            return Ok(known.clone());
        }
        // Where /bin is /usr/bin, packages may still name the one or the other.
        let other = match path.strip_prefix("/usr") {
            Some(rest) => rest.to_owned(),
            None => format!("/usr{path}"),
        };
        let names = [path, &other];
        let found = match (by_dpkg(root, names, until), rpm::owner(root, names)) {
            (Ok(Some(package)), _) | (_, Ok(Some(package))) => Some(package),
            (Ok(None), Err(rpm::NotTold::None) | Ok(None)) | (Err(NotTold::None), Ok(None)) => None,
            (Err(NotTold::Late), _) => return Err("there was no time left".to_owned()),
            (Err(NotTold::None), Err(rpm::NotTold::None)) => {
                return Err("this host has no database of dpkg or rpm".to_owned());
            }
            (_, Err(rpm::NotTold::Because(why))) => return Err(why),
        };
        self.known.insert(path.to_owned(), found.clone());
        Ok(found)
    }
}

fn stamp(file: &Path) -> Stamp {
    let of = file.metadata().ok()?;
    Some((of.dev(), of.ino(), of.mtime(), of.mtime_nsec()))
}

/// Why dpkg does not tell.
enum NotTold {
    /// It is not there.
    None,
    Late,
}

/// By the lists of its files that each package has.
fn by_dpkg(root: &Path, names: [&str; 2], until: Instant) -> Result<Option<Package>, NotTold> {
    let lists = fs::read_dir(root.join(DPKG).join("info")).map_err(|_| NotTold::None)?;
    for (count, list) in lists.flatten().map(|entry| entry.path()).enumerate() {
        if count % 64 == 63 && Instant::now() >= until {
            return Err(NotTold::Late);
        }
        if list.extension().is_none_or(|end| end != "list") {
            continue;
        }
        if let Some(package) = lists_one_of(&list, names) {
            return Ok(Some(package));
        }
    }
    Ok(None)
}

fn lists_one_of(list: &PathBuf, names: [&str; 2]) -> Option<Package> {
    let text = fs::read(list).ok()?;
    let listed = |path: &str| {
        memchr::memmem::find_iter(&text, path.as_bytes()).any(|at| {
            let starts = at == 0 || text.get(at - 1) == Some(&b'\n');
            starts && text.get(at + path.len()).is_none_or(|byte| *byte == b'\n')
        })
    };
    if !names.into_iter().any(listed) {
        return None;
    }
    let name = list.file_stem()?.to_string_lossy().into_owned();
    // Of a host that was made from an image, when that was laid down.
    let of = fs::metadata(list).ok()?;
    let installed = of.mtime().max(of.ctime());
    Some(Package { name, installed, sha256: None })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn dpkgs_lists_say_whose_a_file_is() {
        let root = tempfile::tempdir().expect("a directory");
        let info = root.path().join("var/lib/dpkg/info");
        fs::create_dir_all(&info).expect("a directory");
        fs::write(info.join("passwd.list"), "/.\n/usr/sbin\n/usr/sbin/usermod\n").expect("written");
        fs::write(info.join("login.list"), "/bin/su\n/usr/sbin/usermod.d\n").expect("written");
        fs::write(info.join("passwd.md5sums"), "x  /usr/sbin/else\n").expect("written");
        let soon = Instant::now() + Duration::from_secs(600);
        let mut packages = Packages::default();
        let mut of = |path: &str| {
            let package = packages.of(root.path(), path, soon).expect("a database");
            package.map(|package| package.name)
        };
        assert_eq!(of("/usr/sbin/usermod").as_deref(), Some("passwd"));
        assert_eq!(of("/sbin/usermod").as_deref(), Some("passwd"), "before /usr was merged");
        assert_eq!(of("/usr/bin/su").as_deref(), Some("login"));
        for path in ["/usr/sbin/usermo", "/usr/sbin/usermod.d/x", "/usr/sbin/else", "/tmp/usr/sbin/usermod"] {
            assert_eq!(of(path), None, "{path}");
        }
        // What is installed later is seen, once the package manager has written that down.
        fs::write(info.join("more.list"), "/usr/sbin/else\n").expect("written");
        fs::write(root.path().join("var/lib/dpkg/status"), "").expect("written");
        packages.refresh(root.path());
        let found = packages.of(root.path(), "/usr/sbin/else", soon).expect("a database");
        assert_eq!(found.map(|package| package.name).as_deref(), Some("more"));
        let none = tempfile::tempdir().expect("a directory");
        assert_eq!(
            Packages::default().of(none.path(), "/bin/su", soon),
            Err("this host has no database of dpkg or rpm".to_owned())
        );
    }
}
