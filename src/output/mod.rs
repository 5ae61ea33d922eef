//! Alerts leave the house: as a readable line or as JSON, into syslog, a file, standard output.
//!
//! Detection calls [`Outputs::push`], which never waits. Behind it stands, for each destination, a
//! bounded [`queue`](Bounds) and a writer thread of its own, so that one that hangs holds back no
//! other. Messages reach each destination in order. With a [`Store`], an alert is sent once it was written, what finds
//! no room in a queue is read from the store when its turn comes, and a restart goes on where each destination was;
//! without, what found no room is counted, and told at the very place where it is missing.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ::syslog::Facility;

use crate::alert::{Alert, Counted, KeptFrom};
use crate::clean;
use crate::store::{Figures, Position, Store};

mod appended;
mod backoff;
mod cef;
mod choice;
mod delays;
mod events;
mod file;
mod journal;
pub mod json;
mod lines;
mod message;
mod queue;
mod rate;
mod sink;
mod stdout;
pub mod syslog;
mod untold;
mod worker;

pub use self::syslog::{Address, Body, Formatter, Framing, Peer, Protocol};
use choice::Takes;
pub use choice::{Choice, is_of};
pub use delays::Delays;
pub use events::{EventFigures, EventFile};
pub use journal::SOCKET as JOURNAL_SOCKET;
pub use lines::{Format, Lines};
pub use message::{Message, Notice, Topic, Urgency, level_of};
pub use queue::{Bounds, TestAnswer};

use self::syslog::{SyslogSink, Transport};
use queue::Queue;
use rate::Rate;
use sink::Sink;
use worker::{Tally, Worker};

/// Bytes of a notice's text at most.
const NOTICE: usize = 1000;

/// A destination and its queue.
#[derive(Clone, Debug)]
pub struct SinkConfig {
    /// What it is called in notices and counters, e.g. `syslog`.
    pub name: String,
    /// Where messages go, and how they look.
    pub destination: Destination,
    /// What may wait for it.
    pub bounds: Bounds,
    /// Which alerts it takes.
    pub choice: Choice,
}

/// Where messages go, and how they look.
#[derive(Clone, Debug)]
pub enum Destination {
    /// Standard output.
    Stdout(Format),
    /// A file, created with `mode` (0600 where nothing else is asked for) and only ever appended to.
    File {
        /// Its path.
        path: PathBuf,
        /// Permission bits of a new file.
        mode: u32,
        /// How messages look.
        format: Format,
    },
    /// journald, by its own socket.
    Journal {
        /// Where it listens.
        path: PathBuf,
        /// `SYSLOG_FACILITY`.
        facility: Facility,
        /// Bytes of one field at most.
        limit: usize,
    },
    /// A syslog receiver.
    Syslog {
        /// Where it listens.
        address: Address,
        /// How messages look.
        formatter: Box<Formatter>,
    },
}

impl Destination {
    /// The local log socket, as it is on every Linux system, with a short readable line.
    #[must_use]
    pub fn local_syslog() -> Self {
        let formatter = Formatter::new(Protocol::Rfc3164, Body::Text);
        Self::Syslog { address: Address::Unix("/dev/log".into()), formatter: Box::new(formatter) }
    }

    fn open(self) -> io::Result<Box<dyn Sink>> {
        Ok(match self {
            Self::Stdout(format) => Box::new(stdout::open(format)?),
            Self::File { path, mode, format } => Box::new(file::FileSink::open(path, mode, format)?),
            Self::Journal { path, facility, limit } => {
                Box::new(journal::JournalSink::new(path, facility, limit))
            }
            Self::Syslog { address, formatter } => {
                Box::new(SyslogSink::new(Transport::new(address), *formatter))
            }
        })
    }
}

/// All destinations.
#[derive(Debug)]
pub struct Outputs {
    sinks: Vec<Handle>,
    /// No longer asked for; they send what waits and end.
    leaving: Vec<Handle>,
    store: Option<Store>,
}

/// A destination after a change of the settings; see [`Outputs::change`].
#[derive(Debug)]
pub enum Planned {
    /// The one of this name stays, with its queue.
    Kept(String),
    /// These are new, or take the place of those of the same name.
    New(Opened),
}

/// How long a destination that is no longer asked for may take to send what waits.
const LEAVE: Duration = Duration::from_secs(10);

#[derive(Debug)]
struct Handle {
    name: String,
    choice: Choice,
    rate: Mutex<Rate>,
    queue: Arc<Queue>,
    tally: Arc<Tally>,
    /// Another one of its name goes on where it is in the store.
    succeeded: bool,
}

/// What became of the alerts pushed to one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counters {
    /// The destination.
    pub name: String,
    /// Alerts that its system has taken.
    pub sent: u64,
    /// Messages (notices too) that wait in memory, but for the one in the writer's hand.
    pub waiting: usize,
    /// Alerts that wait in the store alone.
    pub stored: u64,
    /// Alerts that found no room in the queue and were not in the store, or no longer.
    pub lost: u64,
    /// Alerts that the destination can never take (a reader that is gone, too long even when cut).
    pub refused: u64,
    /// Notices that found no room in the queue.
    pub lost_notices: u64,
    /// How long the message that waits longest (or is in the writer's hand) has waited since its receipt.
    pub lag: Option<Duration>,
    /// Alerts beyond its limit a minute, told as a number.
    pub rolled_up: u64,
    /// Why nothing goes out at the moment.
    pub trouble: Option<String>,
}

impl Handle {
    fn rate(&self) -> MutexGuard<'_, Rate> {
        // Whole between any two statements: a panic elsewhere does not harm it.
        self.rate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the alert goes to this destination.
    fn takes(&self, alert: &Alert, now: Instant) -> Takes {
        match self.choice.per_minute {
            _ if !self.choice.takes(&alert.rule, alert.severity) => Takes::NotAsked,
            Some(limit) if alert.tells.is_none() => match self.rate().lets(alert, &self.name, limit, now) {
                None => Takes::Yes,
                Some(counted) => Takes::NotNow(counted),
            },
            _ => Takes::Yes,
        }
    }
}

/// Without [`Outputs::shutdown`], what still waits is given up.
impl Drop for Outputs {
    fn drop(&mut self) {
        self.sinks.iter().chain(&self.leaving).for_each(|sink| sink.queue.close(Instant::now()));
    }
}

/// Destinations that are open and have no thread yet.
///
/// What needs privilege (creating a file in a directory of root's) is done in [`Outputs::open`]; the
/// writers' threads, which need none, are started once it was given up: capabilities belong to threads.
#[derive(Default)]
pub struct Opened {
    sinks: Vec<(SinkConfig, Box<dyn Sink>)>,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.sinks.iter().map(|(config, _)| &config.name)).finish()
    }
}

impl Opened {
    /// Takes in another's destinations.
    pub fn add(&mut self, other: Self) {
        self.sinks.extend(other.sinks);
    }

    /// Starts a thread for each destination.
    ///
    /// # Errors
    /// A thread that cannot be started.
    pub fn start(self) -> io::Result<Outputs> {
        self.start_with(None)
    }

    /// [`Opened::start`], with alerts written to `store` before they are sent.
    ///
    /// # Errors
    /// A thread that cannot be started.
    pub fn start_with(self, mut store: Option<Store>) -> io::Result<Outputs> {
        let sinks = self.start_each(store.as_mut())?;
        if let Some(store) = &mut store {
            store.forget_others();
        }
        Ok(Outputs { sinks, leaving: Vec::new(), store })
    }

    fn start_each(self, mut store: Option<&mut Store>) -> io::Result<Vec<Handle>> {
        let mut handles = Vec::with_capacity(self.sinks.len());
        for (SinkConfig { name, bounds, choice, .. }, sink) in self.sinks {
            let place = store.as_mut().map(|store| store.position(&name));
            let backlog = place.as_ref().and_then(Position::backlog);
            let queue = Arc::new(Queue::with_backlog(bounds, backlog));
            let tally = Arc::new(Tally::default());
            let (its_queue, its_tally) = (Arc::clone(&queue), Arc::clone(&tally));
            let worker =
                Worker { name: name.clone(), queue: its_queue, tally: its_tally, sink, place, told: None };
            std::thread::Builder::new().name(format!("out-{name}")).spawn(move || worker.run())?;
            let rate = Mutex::default();
            handles.push(Handle { name, choice, rate, queue, tally, succeeded: false });
        }
        Ok(handles)
    }
}

impl Outputs {
    /// Opens the destinations. A log socket that is not there yet is no error: it is waited for.
    ///
    /// # Errors
    /// A file that cannot be opened or created.
    pub fn open(configs: Vec<SinkConfig>) -> io::Result<Opened> {
        let open = |config: SinkConfig| {
            let name = clean::text(config.name.as_bytes()).into_owned();
            match config.destination.clone().open() {
                Ok(sink) => Ok((SinkConfig { name, ..config }, sink)),
                Err(e) => Err(io::Error::new(e.kind(), format!("output {name}: {e}"))),
            }
        };
        Ok(Opened { sinks: configs.into_iter().map(open).collect::<io::Result<_>>()? })
    }

    /// Opens the destinations and starts a thread for each.
    ///
    /// # Errors
    /// As [`Outputs::open`] and [`Opened::start`].
    pub fn new(configs: Vec<SinkConfig>) -> io::Result<Self> {
        Self::open(configs)?.start()
    }

    /// Gives an alert to every destination. Never waits.
    pub fn push(&self, alert: &Arc<Alert>) {
        self.push_received(alert, Instant::now());
    }

    /// [`Outputs::push`] of an alert on what was received at `since`: [`Outputs::delays`] count from there.
    pub fn push_received(&self, alert: &Arc<Alert>, since: Instant) {
        let now = Instant::now();
        let takes: Vec<Takes> = self.sinks.iter().map(|sink| sink.takes(alert, now)).collect();
        self.give(alert, since, &takes, None);
    }

    /// Stores an alert that is sent to nobody, why, and which rest will tell of it.
    pub fn keep_back(&self, alert: &Arc<Alert>, why: &'static str, counted: Option<Counted>) {
        self.give(alert, Instant::now(), &vec![Takes::NotAsked; self.sinks.len()], Some((why, counted)));
    }

    /// Stores the alert and gives it to those who take it; for the others its place in the store is passed over.
    fn give(
        &self,
        alert: &Arc<Alert>,
        since: Instant,
        takes: &[Takes],
        kept: Option<(&'static str, Option<Counted>)>,
    ) {
        let each = || self.sinks.iter().zip(takes);
        if kept.is_some() || takes.iter().any(|takes| *takes != Takes::Yes) {
            let names = each().filter(|(_, takes)| **takes != Takes::Yes).map(|(sink, _)| sink.name.as_str());
            let destinations = match takes.contains(&Takes::Yes) {
                true => names.fold("|".to_owned(), |all, name| all + name + "|"),
                false => "*".to_owned(),
            };
            let (mut why, counted) = kept.map_or((None, None), |(why, counted)| (Some(why), counted));
            let mut counted: Vec<Counted> = counted.into_iter().collect();
            for takes in takes {
                if let Takes::NotNow(one) = takes {
                    why = Some("alerts_per_minute");
                    counted.push(one.clone());
                }
            }
            let _ = alert.kept_from.set(KeptFrom { destinations, why, counted });
        }
        let number = self.store.as_ref().and_then(|store| store.hand_over(alert));
        for (sink, takes) in each() {
            match (takes, number) {
                (Takes::Yes, _) => sink.queue.push(Message::Alert(Arc::clone(alert)), since, number),
                (_, Some(number)) => sink.queue.pass(number),
                (_, None) => {}
            }
        }
    }

    /// Gives an alert that only tries them to all destinations, whatever they ask for, behind what waits; it is not
    /// stored. Where each says what became of it: after how long its system had the alert, or why it never will.
    #[must_use]
    pub fn send_test(&self, alert: &Arc<Alert>) -> Vec<(String, Receiver<TestAnswer>)> {
        let give = |sink: &Handle| {
            let (answer, told) = sync_channel(1);
            sink.queue.test(Message::Alert(Arc::clone(alert)), answer);
            (sink.name.clone(), told)
        };
        self.sinks.iter().map(give).collect()
    }

    /// Tells each destination what was beyond its limit, once its minute is over, or at once. How many alerts tell it.
    pub fn tell_rest(&self, now: Instant, at_once: bool) -> usize {
        let mut told = 0;
        for (n, sink) in self.sinks.iter().enumerate() {
            let Some(limit) = sink.choice.per_minute else { continue };
            let rests = sink.rate().told(&sink.name, limit, now, at_once);
            for alert in rests {
                told += 1;
                self.give(&Arc::new(alert), now, &self.to_one(n), None);
            }
        }
        told
    }

    /// Gives a sentence of the daemon about itself to every destination. Never waits.
    pub fn notice(&self, topic: Topic, text: &str, urgency: Urgency) {
        let text = clean::cut(&clean::text(text.as_bytes()), NOTICE).to_owned();
        let notice = Notice { topic, text, urgency, time: jiff::Timestamp::now() };
        for sink in &self.sinks {
            sink.queue.push(Message::Notice(notice.clone()), Instant::now(), None);
        }
    }

    /// Goes on with the destinations of `plan`, in its order. Those that are not in it take nothing more,
    /// send what waits, and end. With a store, one that another of its name follows ends at once: what it has not
    /// sent is the other's.
    ///
    /// # Errors
    /// A thread that cannot be started; then all stays as it was.
    pub fn change(&mut self, plan: Vec<Planned>) -> io::Result<()> {
        self.tell_rest(Instant::now(), true);
        let mut started = Vec::with_capacity(plan.len());
        for one in plan {
            match one {
                Planned::Kept(name) => started.push(Err(name)),
                Planned::New(opened) => {
                    started.extend(opened.start_each(self.store.as_mut())?.into_iter().map(Ok));
                }
            }
        }
        let mut before = std::mem::take(&mut self.sinks);
        for one in started {
            match one {
                Ok(new) => self.sinks.push(new),
                Err(name) => {
                    if let Some(at) = before.iter().position(|sink| sink.name == name) {
                        self.sinks.push(before.swap_remove(at));
                    }
                }
            }
        }
        let now = Instant::now();
        for sink in &mut before {
            let followed = self.sinks.iter().any(|one| one.name == sink.name);
            sink.succeeded = followed && self.store.is_some();
            sink.queue.close(if sink.succeeded { now } else { now + LEAVE });
            if let (Some(store), false) = (&self.store, followed) {
                store.forget(&sink.name);
            }
        }
        self.leaving.extend(before);
        Ok(())
    }

    /// Lets go of destinations that have left; what each of them did not get out (name, messages).
    pub fn see_off(&mut self) -> Vec<(String, u64)> {
        let mut left = Vec::new();
        self.leaving.retain(|sink| {
            let Some(unsent) = sink.queue.ended() else { return true };
            if unsent > 0 && !sink.succeeded {
                left.push((sink.name.clone(), unsent));
            }
            false
        });
        left
    }

    /// Opens files anew, e.g. after SIGHUP from logrotate.
    pub fn reopen(&self) {
        self.sinks.iter().for_each(|sink| sink.queue.reopen());
    }

    /// What became of the alerts, by destination.
    #[must_use]
    pub fn counters(&self) -> Vec<Counters> {
        let count = |sink: &Handle| {
            let (waiting, lost, lost_notices) = sink.queue.counts();
            let hand = sink.tally.hand.lock().unwrap_or_else(PoisonError::into_inner).clone();
            Counters {
                lag: hand.since.or_else(|| sink.queue.oldest()).map(|since| since.elapsed()),
                trouble: hand.trouble,
                name: sink.name.clone(),
                sent: sink.tally.sent.load(Ordering::Relaxed),
                waiting,
                stored: sink.queue.stored(),
                lost: lost + sink.tally.missing.load(Ordering::Relaxed),
                refused: sink.tally.refused.load(Ordering::Relaxed),
                lost_notices,
                rolled_up: sink.rate().kept_back,
            }
        };
        self.sinks.iter().map(count).collect()
    }

    /// From receipt to delivery, of the alerts that went out, over all destinations.
    #[must_use]
    pub fn delays(&self) -> Delays {
        let mut all = Delays::default();
        for sink in &self.sinks {
            all.merge(&sink.tally.delays.lock().unwrap_or_else(PoisonError::into_inner));
        }
        all
    }

    /// How the store stands, where there is one.
    #[must_use]
    pub fn store(&self) -> Option<Figures> {
        self.store.as_ref().map(Store::figures)
    }

    /// What is to be told of the store, once.
    #[must_use]
    pub fn told_of_store(&self) -> Vec<String> {
        self.store.as_ref().map(Store::told).unwrap_or_default()
    }

    /// Takes nothing more, lets each destination send what waits, for `at_most`, and says how many
    /// messages each had left then (name, number); empty when all is out. Alerts among them that are in the store go
    /// out in the next run.
    #[must_use]
    pub fn shutdown(self, at_most: Duration) -> Vec<(String, u64)> {
        let deadline = Instant::now() + at_most;
        let all = || self.sinks.iter().chain(&self.leaving);
        all().for_each(|sink| sink.queue.close(deadline));
        // A writer looks at its deadline a few times a second; one that hangs in the system (a file on
        // a network that is away) is not waited for.
        let grace = deadline + Duration::from_millis(500);
        let left = all().filter(|sink| !sink.succeeded);
        let left = left.map(|sink| (sink.name.clone(), sink.queue.left_at(grace)));
        let left = left.filter(|(_, left)| *left > 0).collect();
        if self.store.as_ref().is_some_and(|store| !store.close(grace + Duration::from_millis(500))) {
            tracing::warn!("the store could not write everything before the end");
        }
        left
    }
}
