//! Proof of sight: when the canary was last seen, and whether one that should have been was not.
//!
//! `auditward canary` leaves a file in the runtime directory, so that the daemon knows of each one that was
//! executed by another way than the one that is to be proven.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::directories::CANARY_FILE as FILE;
use super::losses::stamp;
use super::status;

/// How long a canary may take to be seen.
const PATIENCE: Duration = Duration::from_secs(60);

/// The file is written by the canary itself, a little after its execution.
const BEFORE: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Canary {
    file: Option<PathBuf>,
    /// Execution and way of the last one seen.
    seen: Option<(Timestamp, Duration)>,
    /// The time of the file that was settled: seen, told as missed, or from before the start.
    settled: Option<Timestamp>,
    overdue_told: bool,
    missed: u64,
}

impl Canary {
    /// A canary leaves its file in `runtime`; what lies there at `now` is of an earlier daemon's time.
    pub(super) fn new(runtime: Option<&Path>) -> Self {
        let file = runtime.map(|runtime| runtime.join(FILE));
        let settled = file.as_deref().and_then(time_of);
        Self { file, settled, ..Self::default() }
    }

    /// Its rule has matched an execution at `executed`.
    pub(super) fn saw(&mut self, executed: Timestamp, now: Timestamp) {
        let way = Duration::try_from(now.duration_since(executed)).unwrap_or_default();
        self.seen = Some((executed, way));
        self.overdue_told = false;
    }

    /// Looks at the clock: why one was missed, once for each. `every` is how often one comes; none: no
    /// one is awaited.
    pub(super) fn look(&mut self, now: Timestamp, every: Option<Duration>) -> Option<String> {
        let every = every?;
        let missed = self.unseen(now).or_else(|| self.overdue(now, every))?;
        self.missed += 1;
        Some(missed)
    }

    fn unseen(&mut self, now: Timestamp) -> Option<String> {
        let executed = time_of(self.file.as_deref()?)?;
        if self.settled.is_some_and(|settled| settled >= executed) {
            return None;
        }
        if self.seen.is_some_and(|(seen, _)| seen + BEFORE >= executed) {
            self.settled = Some(executed);
            return None;
        }
        (now > executed + PATIENCE).then(|| {
            self.settled = Some(executed);
            let (executed, patience) = (stamp(executed), PATIENCE.as_secs());
            format!("the canary executed at {executed} was not seen within {patience} s")
        })
    }

    fn overdue(&mut self, now: Timestamp, every: Duration) -> Option<String> {
        let (seen, _) = self.seen?;
        if self.overdue_told || now <= seen + 2 * every + PATIENCE {
            return None;
        }
        self.overdue_told = true;
        let minutes = every.as_secs() / 60;
        Some(format!("the last canary seen was executed at {}; one is due every {minutes} min", stamp(seen)))
    }

    /// As the status shows it.
    pub(super) fn status(&self, now: Timestamp) -> status::Canary {
        let seconds =
            |seen: &(Timestamp, Duration)| u64::try_from(now.duration_since(seen.0).as_secs()).unwrap_or(0);
        status::Canary {
            seen_at: self.seen.map(|(seen, _)| stamp(seen)),
            age_seconds: self.seen.as_ref().map(seconds),
            way_millis: self.seen.map(|(_, way)| u64::try_from(way.as_millis()).unwrap_or(u64::MAX)),
            missed: self.missed,
        }
    }
}

fn time_of(file: &Path) -> Option<Timestamp> {
    let metadata = fs::symlink_metadata(file).ok()?;
    Timestamp::try_from(metadata.modified().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::SystemTime;

    use super::*;

    const EVERY: Option<Duration> = Some(Duration::from_secs(900));

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).expect("a time")
    }

    fn leave(dir: &Path, second: i64) {
        let file = File::create(dir.join(FILE)).expect("a file");
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(at(second).as_second() as u64))
            .expect("its time");
    }

    #[test]
    fn one_that_was_executed_and_not_seen_is_missed_once() {
        let dir = tempfile::tempdir().expect("a directory");
        leave(dir.path(), 0);
        let mut canary = Canary::new(Some(dir.path()));
        assert_eq!(canary.look(at(1000), EVERY), None, "that was before the start");
        leave(dir.path(), 1000);
        assert_eq!(canary.look(at(1030), EVERY), None, "not yet");
        let told = canary.look(at(1061), EVERY).expect("missed");
        assert!(told.contains("was not seen within 60 s"), "{told}");
        assert_eq!(canary.look(at(1062), EVERY), None, "told once");
        leave(dir.path(), 2000);
        assert_eq!(canary.look(at(3000), None), None, "not awaited");
        assert!(canary.look(at(3000), EVERY).is_some(), "the next one too");
        assert_eq!(canary.status(at(3000)).missed, 2);
    }

    #[test]
    fn one_that_was_seen_is_none_and_no_more_coming_is_told_once() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut canary = Canary::new(Some(dir.path()));
        assert_eq!(canary.look(at(0), EVERY), None, "none was ever seen: the timer may be off");
        canary.saw(at(10), at(10) + Duration::from_millis(7));
        leave(dir.path(), 11);
        assert_eq!(canary.look(at(500), EVERY), None);
        let status = canary.status(at(500));
        assert_eq!((status.age_seconds, status.way_millis, status.missed), (Some(490), Some(7), 0));
        assert_eq!(canary.look(at(10 + 1860), EVERY), None);
        assert!(canary.look(at(10 + 1861), EVERY).expect("overdue").contains("due every 15 min"));
        assert_eq!(canary.look(at(10 + 9999), EVERY), None, "told once");
        canary.saw(at(20_000), at(20_000));
        assert!(canary.look(at(30_000), EVERY).is_some(), "and again after one was seen");
    }

    #[test]
    fn a_clock_that_was_set_back_does_no_harm() {
        let mut canary = Canary::new(None);
        canary.saw(at(100), at(50));
        assert_eq!(canary.status(at(10)).age_seconds, Some(0));
        assert_eq!(canary.look(at(10), EVERY), None);
    }
}
