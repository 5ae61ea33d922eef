//! The thread that gathers what the host knows about each alert, off the path of records.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use super::status;
use crate::alert::Alert;
use crate::event::Runs;
use crate::probe::Client;
use crate::triage::{Depth, Host};

/// Alerts that may wait to be asked about; of those that find no room nothing is gathered.
const WAITING: usize = 256;

/// From so many on, of each only the processes are gathered.
const STORM: usize = 16;

/// How long an answer of the probe is waited for.
const PROBE: Duration = Duration::from_millis(100);

/// `[triage]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriageConfig {
    /// `enabled`
    pub enabled: bool,
    /// `within_ms`
    pub within: Duration,
}

impl Default for TriageConfig {
    fn default() -> Self {
        Self { enabled: true, within: Duration::from_millis(200) }
    }
}

/// What became of alerts.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Of which all was gathered.
    whole: AtomicU64,
    /// Of which only the processes were.
    captured: AtomicU64,
    /// Of which nothing was, for want of room or of time.
    without: AtomicU64,
}

/// The loop's side.
#[derive(Debug)]
pub(super) struct Triage {
    queue: Option<SyncSender<Arc<Alert>>>,
    waiting: Arc<AtomicUsize>,
    counts: Arc<Counts>,
    within: Duration,
}

impl Triage {
    /// Starts the thread. `root` is below which account files are, `probes` read of
    /// processes what the daemon may not, `store` is where alerts are.
    pub(super) fn start(
        config: &TriageConfig,
        root: PathBuf,
        mut probes: [Client; 2],
        store: Option<PathBuf>,
        runs: Arc<Runs>,
    ) -> io::Result<Self> {
        let (waiting, counts) = (Arc::<AtomicUsize>::default(), Arc::<Counts>::default());
        let mut queue = None;
        if config.enabled {
            let (sender, alerts) = sync_channel(WAITING);
            probes.iter_mut().for_each(|probe| probe.set_patience(PROBE));
            let mut worker = Worker {
                host: Host::new(root).with(probes, store).with_runs(runs),
                waiting: Arc::clone(&waiting),
                counts: Arc::clone(&counts),
                within: config.within,
            };
            let run = move || worker.run(&alerts);
            std::thread::Builder::new().name("triage".to_owned()).spawn(run)?;
            queue = Some(sender);
        }
        Ok(Self { queue, waiting, counts, within: config.within })
    }

    /// Says whether the alert will be asked about, and lets those wait for it who want all of it.
    pub(super) fn expect(&self, alert: &mut Alert) -> bool {
        if self.queue.is_none() {
            return false;
        }
        let room = self.waiting.load(Ordering::SeqCst) < WAITING;
        if room {
            alert.expect_triage(Instant::now() + self.within);
        } else {
            self.counts.without.fetch_add(1, Ordering::Relaxed);
        }
        room
    }

    /// Has it asked about. Never waits.
    pub(super) fn hand_over(&self, alert: Arc<Alert>) {
        let Some(queue) = &self.queue else { return };
        self.waiting.fetch_add(1, Ordering::SeqCst);
        if queue.try_send(alert).is_err() {
            self.waiting.fetch_sub(1, Ordering::SeqCst);
            self.counts.without.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What became of alerts.
    pub(super) fn status(&self) -> status::Triage {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let Counts { whole, captured, without } = &*self.counts;
        status::Triage { whole: count(whole), captured: count(captured), without: count(without) }
    }
}

struct Worker {
    host: Host,
    waiting: Arc<AtomicUsize>,
    counts: Arc<Counts>,
    within: Duration,
}

impl Worker {
    fn run(&mut self, alerts: &Receiver<Arc<Alert>>) {
        while let Ok(alert) = alerts.recv() {
            let behind = self.waiting.fetch_sub(1, Ordering::SeqCst);
            let depth = if behind > STORM { Depth::Capture } else { Depth::Whole };
            // A little is left for writing it down.
            let until = Instant::now() + self.within * 3 / 4;
            let told = self.host.gather(&alert, depth, until);
            let count = match (alert.set_triage(&told), depth) {
                (false, _) => &self.counts.without,
                (true, Depth::Capture) => &self.counts.captured,
                (true, Depth::Whole) => &self.counts.whole,
            };
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}
