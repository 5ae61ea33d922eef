//! A file that is there while a daemon runs: one that is found at the start tells of an unclean stop.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::losses::stamp;

/// Its name in the state directory.
const NAME: &str = "running";

/// How often it is touched: how exactly the time of an unclean stop is known.
const TOUCH: Duration = Duration::from_secs(10);

/// The longest marker that is read, in bytes.
const LONGEST: u64 = 4096;

/// What stands in it.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Content {
    pid: u32,
    started: String,
    boot: String,
}

/// A daemon that did not end as it should.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Former {
    /// The sentence that says so.
    pub(super) told: String,
    /// Whether the host was booted since: then it may have lost its power.
    pub(super) booted: bool,
}

/// The marker of the daemon that runs.
#[derive(Debug)]
pub(super) struct Marker {
    path: PathBuf,
    touched: Instant,
}

impl Marker {
    /// Sets the marker in `state`. With it, when the daemon before did not end as it should, what is
    /// known of that.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub(super) fn set(state: &Path) -> io::Result<(Self, Option<Former>)> {
        let path = state.join(NAME);
        let former = former(&path);
        let content = Content { pid: std::process::id(), started: stamp(Timestamp::now()), boot: boot_id() };
        let beside = state.join(format!("{NAME}.new"));
        fs::write(&beside, serde_json::to_vec(&content)?)?;
        fs::rename(&beside, &path)?;
        Ok((Self { path, touched: Instant::now() }, former))
    }

    /// To be called every second or so: the file's time says until when the daemon lived.
    pub(super) fn touch(&mut self) {
        if self.touched.elapsed() >= TOUCH {
            self.touched = Instant::now();
            let now = std::time::SystemTime::now();
            let _ = File::options().append(true).open(&self.path).and_then(|file| file.set_modified(now));
        }
    }

    /// The end is as it should be.
    pub(super) fn clear(self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn former(path: &Path) -> Option<Former> {
    use std::io::Read as _;
    let file = File::open(path).ok()?;
    let lived = file.metadata().and_then(|m| m.modified()).ok()?;
    let lived = Timestamp::try_from(lived).ok();
    let gap = lived.map_or(0, |lived| Timestamp::now().duration_since(lived).as_secs().max(0));
    let lived = lived.map(stamp).unwrap_or_default();
    let mut text = Vec::new();
    file.take(LONGEST).read_to_end(&mut text).ok()?;
    // One that was cut by a full disk tells less and is no less there.
    let content: Content = serde_json::from_slice(&text).unwrap_or_default();
    let booted = content.boot != boot_id() && !content.boot.is_empty();
    let boot = if booted { "; the host has been booted since" } else { "" };
    let told = format!(
        "the daemon before this one (pid {}, started {}) did not end as it should; its last sign of life is of \
         {lived}, {gap} s before this start{boot}: what happened after it may be missing",
        content.pid, content.started
    );
    Some(Former { told, booted })
}

/// random(4): another after each boot.
pub(super) fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_unclean_stop_is_told() {
        let state = tempfile::tempdir().expect("a directory");
        let (marker, former) = Marker::set(state.path()).expect("set");
        assert_eq!(former, None);
        marker.clear();
        let (marker, former) = Marker::set(state.path()).expect("set");
        assert_eq!(former, None);
        drop(marker); // killed
        let (_, former) = Marker::set(state.path()).expect("set");
        let Former { told, booted } = former.expect("told");
        assert!(told.contains(&format!("(pid {}, started 2", std::process::id())), "{told}");
        assert!(told.contains(" s before this start: "), "{told}");
        assert!(!booted && !told.contains("booted"), "{told}");
        fs::write(state.path().join(NAME), "{\"pid\": 7, \"started\": \"x\", \"boot\": \"other\"}")
            .expect("written");
        let (_, former) = Marker::set(state.path()).expect("set");
        let former = former.expect("told");
        assert!(former.booted && former.told.contains("the host has been booted since"), "{former:?}");
        fs::write(state.path().join(NAME), "").expect("written");
        assert!(Marker::set(state.path()).expect("set").1.is_some(), "an empty marker is one");
    }
}
