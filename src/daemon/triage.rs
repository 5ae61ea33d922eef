//! The two threads that gather what the host knows about each alert, off the path of records: one takes at once what ends
//! with the processes, the other asks for the rest.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::fair_queue::FairQueue;
use super::status;
use crate::alert::Alert;
use crate::event::Runs;
use crate::probe::Client;
use crate::triage::{Captured, Capturer, Enricher, Host};

/// Alerts that may wait for their processes to be asked about; of those that find no room nothing is gathered. Both queues are
/// shared by the login users: see [`FairQueue`].
const WAITING: usize = 256;

/// Alerts that may wait for the rest; of those that find no room only the processes are told. No more alerts that are kept
/// back wait for their processes.
const STORM: usize = 16;

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

impl Counts {
    /// Writes into the alert what was gathered.
    fn write(&self, alert: &Alert, told: &serde_json::Map<String, serde_json::Value>, whole: bool) {
        let count = match (alert.set_triage(told), whole) {
            (false, _) => &self.without,
            (true, false) => &self.captured,
            (true, true) => &self.whole,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// An alert that is to be asked about.
#[derive(Debug)]
struct Asked {
    alert: Arc<Alert>,
    ticket: Ticket,
}

/// What [`Triage::expect`] said of an alert.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    matched: Instant,
    until: Instant,
    kept_back: bool,
}

/// The loop's side.
#[derive(Debug)]
pub(super) struct Triage {
    queue: Option<Arc<FairQueue<Asked>>>,
    counts: Arc<Counts>,
    within: Duration,
}

impl Triage {
    /// Starts the threads. `root` is below which account files are, `probes` read of
    /// processes what the daemon may not, `store` is where alerts are.
    pub(super) fn start(
        config: &TriageConfig,
        root: PathBuf,
        mut probes: [Client; 2],
        store: Option<PathBuf>,
        runs: Arc<Runs>,
    ) -> io::Result<Self> {
        let counts = Arc::<Counts>::default();
        let mut queue = None;
        if config.enabled {
            let (alerts, next) = (Arc::new(FairQueue::new(WAITING)), Arc::new(FairQueue::new(STORM)));
            // One answer that does not come leaves time for the rest.
            probes.iter_mut().for_each(|probe| probe.set_patience(config.within / 2));
            let (capturer, enricher) = Host::new(root).with(probes, store).with_runs(runs).split();
            let (of_first, of_second) = (Arc::clone(&counts), Arc::clone(&counts));
            let mut first =
                First { capturer, alerts: Arc::clone(&alerts), counts: of_first, next: Arc::clone(&next) };
            let mut second = Second { enricher, captured: next, counts: of_second };
            let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
            thread("capture").spawn(move || first.run())?;
            thread("enrich").spawn(move || second.run())?;
            queue = Some(alerts);
        }
        Ok(Self { queue, counts, within: config.within })
    }

    /// Says whether the alert will be asked about, and lets those wait for it who want all of it.
    pub(super) fn expect(&self, alert: &mut Alert, kept_back: bool) -> Option<Ticket> {
        let queue = self.queue.as_ref()?;
        // Those that are kept back are let in only where hardly anything waits.
        let crowded = kept_back && queue.waiting(alert.holder).1 >= STORM;
        if crowded || !queue.has_room(alert.holder) {
            alert.refuse_triage();
            self.counts.without.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let matched = Instant::now();
        alert.expect_triage(matched + self.within);
        // A little is left for writing it down.
        Some(Ticket { matched, until: matched + self.within * 3 / 4, kept_back })
    }

    /// Has it asked about. Never waits.
    pub(super) fn hand_over(&self, alert: Arc<Alert>, ticket: Ticket) {
        let Some(queue) = &self.queue else { return };
        if let Some(out) = queue.push(alert.holder, Asked { alert, ticket }) {
            out.alert.crowd_out_triage();
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

impl Drop for Triage {
    fn drop(&mut self) {
        self.queue.iter().for_each(|queue| queue.close());
    }
}

/// The thread that takes what would be gone soon.
struct First {
    capturer: Capturer,
    alerts: Arc<FairQueue<Asked>>,
    counts: Arc<Counts>,
    next: Arc<FairQueue<(Asked, Captured)>>,
}

impl First {
    fn run(&mut self) {
        while let Some(asked) = self.alerts.pop() {
            let captured = self.capturer.capture(&asked.alert, asked.ticket.matched);
            let (why, (asked, captured)) = if asked.ticket.kept_back {
                ("the alert was kept back", (asked, captured))
            } else {
                match self.next.push(asked.alert.holder, (asked, captured)) {
                    None => continue,
                    Some(out) => ("too many alerts came at once", out),
                }
            };
            self.counts.write(&asked.alert, &captured.alone(why), false);
        }
        self.next.close();
    }
}

/// The thread that asks for the rest.
struct Second {
    enricher: Enricher,
    captured: Arc<FairQueue<(Asked, Captured)>>,
    counts: Arc<Counts>,
}

impl Second {
    fn run(&mut self) {
        while let Some((Asked { alert, ticket }, captured)) = self.captured.pop() {
            let whole = Instant::now() < ticket.until;
            let told = self.enricher.enrich(captured, &alert, ticket.until);
            self.counts.write(&alert, &told, whole);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::alert::sample;
    use crate::rule::{Osquery, Rule};
    use crate::shares::Holder;
    use crate::waiting::until;

    const LONG: Duration = Duration::from_secs(600);

    /// Threads that ask a host without accounts, and no probe.
    fn triage(within: Duration) -> (tempfile::TempDir, Triage) {
        let root = tempfile::tempdir().expect("a directory");
        let probe =
            || Client::new((&*root.path().join("nobody")).into(), Duration::from_secs(60), Arc::default());
        let config = TriageConfig { enabled: true, within };
        let triage = Triage::start(&config, root.path().to_owned(), [probe(), probe()], None, Arc::default());
        (root, triage.expect("threads"))
    }

    /// An alert whose guide has a question that takes as long as it may.
    fn alert() -> Alert {
        let query = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
        let osquery = vec![Osquery { label: "endless".to_owned(), query: query.to_owned() }];
        let (rule, event) = (Arc::new(Rule { osquery, ..sample::rule() }), sample::usermod(&["usermod"]));
        Alert::new(&rule, &[event], &[sample::STAMP], "host", sample::created())
    }

    fn missing(alert: &Alert) -> String {
        alert.wait_and_settle();
        json!(alert.document()["auditward"]["triage"]["missing"]).to_string()
    }

    /// An alert is counted right after it was told.
    fn until_captured(triage: &Triage, enough: u64) {
        until(&format!("{enough} to be captured"), || triage.status().captured >= enough);
    }

    #[test]
    fn in_a_storm_only_the_processes_are_told_and_that_is_said() {
        let (_root, triage) = triage(Duration::from_secs(6));
        let mut sent = Vec::new();
        for _ in 0..100 {
            let mut alert = alert();
            let ticket = triage.expect(&mut alert, false).expect("there is room");
            let alert = Arc::new(alert);
            triage.hand_over(Arc::clone(&alert), ticket);
            sent.push(alert);
        }
        let told: Vec<_> = sent.iter().map(|alert| missing(alert)).collect();
        let crowded = told.iter().filter(|why| why.contains("too many alerts came at once")).count();
        assert!(crowded >= 100 - STORM - 2, "{crowded}: {told:?}");
        for alert in &sent {
            let document = alert.document();
            let triage = &document["auditward"]["triage"];
            assert!(triage["processes"].is_array() || missing(alert).contains("not gathered in time"));
        }
        until_captured(&triage, crowded as u64);
    }

    #[test]
    fn of_an_alert_that_is_kept_back_the_processes_are_told_and_of_no_more_than_there_is_room_for() {
        let (_root, triage) = triage(Duration::from_secs(600));
        let mut kept = alert();
        let ticket = triage.expect(&mut kept, true).expect("there is room");
        let kept = Arc::new(kept);
        triage.hand_over(Arc::clone(&kept), ticket);
        assert!(missing(&kept).contains("the alert was kept back"));
        until_captured(&triage, 1);
        // None is served any more, so that what waits stays.
        let stands = Triage {
            queue: Some(Arc::new(FairQueue::new(WAITING))),
            counts: Arc::clone(&triage.counts),
            within: triage.within,
        };
        for _ in 0..STORM {
            let mut alert = alert();
            let ticket = stands.expect(&mut alert, true).expect("there is room");
            stands.hand_over(Arc::new(alert), ticket);
        }
        let mut refused = alert();
        assert!(stands.expect(&mut refused, true).is_none());
        assert!(missing(&refused).contains("too many alerts came at once"));
        assert!(stands.expect(&mut alert(), false).is_some(), "one that is sent goes before");
        assert_eq!((triage.status().captured, triage.status().without), (1, 1));
    }

    /// A queue full of one login user's: another's finds room, and who gave way for it says so.
    #[test]
    fn a_storm_of_one_login_user_takes_no_room_from_another() {
        let stands =
            Triage { queue: Some(Arc::new(FairQueue::new(WAITING))), counts: Arc::default(), within: LONG };
        let of = |auid| {
            let mut alert = alert();
            alert.holder = Holder::Login(auid);
            let ticket = stands.expect(&mut alert, false)?;
            let alert = Arc::new(alert);
            stands.hand_over(Arc::clone(&alert), ticket);
            Some(alert)
        };
        let storm: Vec<_> = (0..1_000).filter_map(|_| of(1_000)).collect();
        assert_eq!(storm.len(), WAITING);
        let other = of(0).expect("room");
        let last = storm.last().expect("the storm's newest");
        assert!(missing(last).contains("too many alerts came at once"));
        let queue = stands.queue.as_ref().expect("a queue");
        let served = [queue.pop(), queue.pop()].map(|asked| asked.expect("one waits").alert);
        assert!(served.iter().any(|alert| Arc::ptr_eq(alert, &other)), "it is among the first two");
        assert_eq!(stands.status().without, 1_000 - WAITING as u64 + 1);
    }
}
