//! Which package a file is of, by the databases of dpkg and of rpm, as files: no package manager is run.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
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

/// The package of a file, none where no package has it; or why that is not known.
pub(super) type Whose = Result<Option<Package>, String>;

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

    /// Whose each of the files is, in their order: none where no package has it, or why that is not known. What is not
    /// remembered is looked for together: there are as many lists as packages.
    pub(super) fn of(&mut self, root: &Path, paths: &[&str], until: Instant) -> Vec<Whose> {
        let mut unknown: Vec<&str> =
            paths.iter().copied().filter(|path| !self.known.contains_key(*path)).collect();
        unknown.sort_unstable();
        unknown.dedup();
        // Where /bin is /usr/bin, packages may still name the one or the other.
        let other = |path: &str| match path.strip_prefix("/usr") {
            Some(rest) => rest.to_owned(),
            None => format!("/usr{path}"),
        };
        let others: Vec<String> = unknown.iter().map(|path| other(path)).collect();
        let names: Vec<[&str; 2]> =
            unknown.iter().zip(&others).map(|(path, other)| [*path, &**other]).collect();
        let mut not_told = HashMap::new();
        for (names, dpkg) in names.iter().zip(by_dpkg(root, &names, until)) {
            let [path, _] = *names;
            match whose(dpkg, rpm::owner(root, *names)) {
                Ok(found) => _ = self.known.insert(path.to_owned(), found),
                Err(why) => _ = not_told.insert(path, why),
            }
        }
        let told = |path: &&str| match self.known.get(*path) {
            Some(found) => Ok(found.clone()),
            None => Err(not_told.get(path).cloned().unwrap_or_default()),
        };
        paths.iter().map(told).collect()
    }
}

/// By what the one database says and the other.
fn whose(dpkg: Result<Option<Package>, NotTold>, rpm: Result<Option<Package>, rpm::NotTold>) -> Whose {
    match (dpkg, rpm) {
        (Ok(Some(package)), _) | (_, Ok(Some(package))) => Ok(Some(package)),
        (Ok(None), Err(rpm::NotTold::None) | Ok(None)) | (Err(NotTold::None), Ok(None)) => Ok(None),
        (Err(NotTold::Late), _) => Err("there was no time left".to_owned()),
        (Err(NotTold::None), Err(rpm::NotTold::None)) => {
            Err("this host has no database of dpkg or rpm".to_owned())
        }
        (_, Err(rpm::NotTold::Because(why))) => Err(why),
    }
}

fn stamp(file: &Path) -> Stamp {
    let of = file.metadata().ok()?;
    Some((of.dev(), of.ino(), of.mtime(), of.mtime_nsec()))
}

/// Why dpkg does not tell.
#[derive(Clone, Copy, Debug)]
enum NotTold {
    /// It is not there.
    None,
    Late,
}

/// By the lists of its files that each package has; of files by one of two names each.
fn by_dpkg(root: &Path, files: &[[&str; 2]], until: Instant) -> Vec<Result<Option<Package>, NotTold>> {
    if files.is_empty() {
        return Vec::new();
    }
    let mut found = vec![None; files.len()];
    let told = |found: Vec<Option<Package>>, none: Result<Option<Package>, NotTold>| {
        found
            .into_iter()
            .map(|package| package.map_or_else(|| none.clone(), |package| Ok(Some(package))))
            .collect()
    };
    let Ok(lists) = fs::read_dir(root.join(DPKG).join("info")) else {
        return told(found, Err(NotTold::None));
    };
    for (count, list) in lists.flatten().map(|entry| entry.path()).enumerate() {
        if count % 64 == 63 && Instant::now() >= until {
            return told(found, Err(NotTold::Late));
        }
        if list.extension().is_none_or(|end| end != "list") {
            continue;
        }
        let Ok(text) = fs::read(&list) else { continue };
        for (names, place) in files.iter().zip(&mut found).filter(|(_, place)| place.is_none()) {
            if names.iter().any(|name| lists_one(&text, name)) {
                *place = package_of(&list);
            }
        }
        if found.iter().all(Option::is_some) {
            break;
        }
    }
    told(found, Ok(None))
}

/// Whether a list has a line that is `path`.
fn lists_one(text: &[u8], path: &str) -> bool {
    memchr::memmem::find_iter(text, path.as_bytes()).any(|at| {
        let starts = at == 0 || text.get(at - 1) == Some(&b'\n');
        starts && text.get(at + path.len()).is_none_or(|byte| *byte == b'\n')
    })
}

fn package_of(list: &Path) -> Option<Package> {
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
            let told = packages.of(root.path(), &[path], soon).pop();
            told.expect("one").expect("a database").map(|package| package.name)
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
        let name = |told: Whose| told.expect("a database").map(|of| of.name);
        // One that is known, one that is not, one twice, in their order.
        let paths = ["/usr/sbin/else", "/sbin/usermod", "/none", "/usr/sbin/else"];
        let names: Vec<_> = packages.of(root.path(), &paths, soon).into_iter().map(name).collect();
        let names: Vec<_> = names.iter().map(Option::as_deref).collect();
        assert_eq!(names, [Some("more"), Some("passwd"), None, Some("more")]);
        assert!(packages.of(root.path(), &[], soon).is_empty());
        // What was found in time is told, and the rest asked for again the next time.
        for n in 0..200 {
            fs::write(info.join(format!("{n}.list")), "/x\n").expect("written");
        }
        let late = packages.of(root.path(), &["/sbin/usermod", "/y"], Instant::now());
        assert_eq!(late.last(), Some(&Err("there was no time left".to_owned())));
        assert_eq!(packages.of(root.path(), &["/y"], soon), [Ok(None)]);
        let none = tempfile::tempdir().expect("a directory");
        assert_eq!(
            Packages::default().of(none.path(), &["/bin/su"], soon),
            [Err("this host has no database of dpkg or rpm".to_owned())]
        );
    }
}
