//! The loop: records from the socket, along the path, until a signal ends it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sd_notify::NotifyState;

use super::clock::Clock;
use super::detector::Detector;
use super::intake::{Intake, counted};
use super::keeper::Keeper;
use super::sequence_state::SequenceState;
use super::signals::Signals;
use crate::alert::Alert;
use crate::audit::netlink::Socket;
use crate::detect::JoinCounts;
use crate::event::AuditDocument;
use crate::output::{Outputs, Urgency};

/// Everything on the path of a record, wired.
pub(super) struct Watch {
    socket: Socket,
    second: Second,
    signals: Signals,
    clock: Clock,
    losses: Losses,
}

/// What comes after the socket.
struct Second {
    intake: Intake,
    path: Path,
}

/// From an event on.
struct Path {
    detector: Detector,
    outputs: Outputs,
    alerts: u64,
}

impl Path {
    fn event(&mut self, event: &AuditDocument<'_>) {
        let Self { detector, outputs, alerts } = self;
        detector.event(event, &mut |alert: Alert| {
            *alerts += 1;
            outputs.push(&Arc::new(alert));
        });
    }

    /// Sequences go on with the host's clock when no event moves them.
    fn time_is(&mut self, millis: i64) {
        let Self { detector, outputs, alerts } = self;
        detector.time_is(millis, &mut |alert: Alert| {
            *alerts += 1;
            outputs.push(&Arc::new(alert));
        });
    }

    /// No more events come.
    fn finish(&mut self) {
        let Self { detector, outputs, alerts } = self;
        detector.finish(&mut |alert: Alert| {
            *alerts += 1;
            outputs.push(&Arc::new(alert));
        });
    }

    /// When [`Path::time_is`] has something to do, on `clock`.
    fn due(&self, clock: Clock) -> Option<u64> {
        let wait = self.detector.engine().due()?.saturating_sub(wall_clock());
        Some(clock.millis().saturating_add(u64::try_from(wait).unwrap_or(0)))
    }
}

/// Milliseconds since the Unix epoch, as records are stamped.
fn wall_clock() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Fewer datagrams in one batch than this: nothing was left in the socket.
const FULL_BATCH: usize = 64;

/// How often losses and the keeper are looked at.
const ROUND: Duration = Duration::from_secs(1);

impl Watch {
    pub(super) fn new(
        socket: Socket,
        intake: Intake,
        detector: Detector,
        outputs: Outputs,
    ) -> std::io::Result<Self> {
        Ok(Self {
            socket,
            second: Second { intake, path: Path { detector, outputs, alerts: 0 } },
            signals: Signals::install()?,
            clock: Clock::start(),
            losses: Losses::default(),
        })
    }

    /// Runs until SIGTERM or SIGINT.
    ///
    /// # Errors
    /// The socket is gone; a full buffer is none.
    pub(super) fn run(&mut self, keeper: &mut Option<Keeper>) -> std::io::Result<()> {
        let rules = self.second.path.detector.engine().rules().len() as u64;
        self.notice(&format!("started, {} live", counted(rules, "rule")), Urgency::Info);
        self.tell_former_losses();
        // Nothing listens outside systemd, and that is no fault.
        let _ = sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(&self.state())]);
        let mut round = Instant::now() + ROUND;
        while !self.signals.stop() {
            self.turn(round)?;
            if Instant::now() >= round {
                round = Instant::now() + ROUND;
                self.tell_losses();
                self.look_after(keeper);
                // Sent from the loop that reads records, so that a loop that hangs is told to systemd by silence.
                let _ = sd_notify::notify(&[NotifyState::Watchdog, NotifyState::Status(&self.state())]);
            }
            if self.signals.reopen() {
                self.second.path.outputs.reopen();
            }
        }
        Ok(())
    }

    /// One batch of records, and the events whose time is up.
    fn turn(&mut self, until: Instant) -> std::io::Result<()> {
        let Self { socket, second: Second { intake, path }, signals, clock, .. } = self;
        let due = [intake.next_deadline(), path.due(*clock)].into_iter().flatten().min();
        let deadline = clock.wake(due, until);
        let now = clock.millis();
        let received = socket.receive(Some(signals.wake()), Some(deadline), &mut |record| {
            intake.record(record, now, &mut |event| path.event(event));
        })?;
        if received.woken {
            signals.settle();
        }
        intake.expire(clock.millis(), &mut |event| path.event(event));
        if received.datagrams < FULL_BATCH {
            path.time_is(wall_clock());
        }
        Ok(())
    }

    /// One line for `systemctl status`.
    fn state(&self) -> String {
        let Path { detector, alerts, .. } = &self.second.path;
        format!(
            "{} live, {}, {} lost",
            counted(detector.engine().rules().len() as u64, "rule"),
            counted(*alerts, "alert"),
            counted(self.losses.socket, "record"),
        )
    }

    fn notice(&self, text: &str, urgency: Urgency) {
        match urgency {
            Urgency::Info => tracing::info!("{text}"),
            Urgency::Warning => tracing::warn!("{text}"),
        }
        self.second.path.outputs.notice(text, urgency);
    }

    /// A socket that systemd handed over may have been full while no daemon read it.
    fn tell_former_losses(&mut self) {
        if !self.socket.handed_over() {
            return;
        }
        self.losses = Losses::of(&mut self.socket, &self.second);
        if self.losses.socket > 0 {
            let lost = counted(self.losses.socket, "record");
            let text = format!("blind spot: {lost} lost before this start, the receive buffer was full");
            self.notice(&text, Urgency::Warning);
        }
    }

    /// Says once when somebody has ended the keeper: nobody takes its rules back then.
    fn look_after(&self, keeper: &mut Option<Keeper>) {
        if keeper.as_mut().is_some_and(|keeper| !keeper.is_alive().unwrap_or(true)) {
            *keeper = None;
            let text = "the keeper of the kernel rules was killed: they stay loaded until `auditward \
                        kernel-rules unload`";
            self.notice(text, Urgency::Warning);
        }
    }

    /// Says what was lost since it was last said.
    fn tell_losses(&mut self) {
        let now = Losses::of(&mut self.socket, &self.second);
        if let Some(text) = now.since(&self.losses) {
            self.notice(&text, Urgency::Warning);
        }
        self.losses = now;
    }

    /// Takes what still waits in the socket, ends the open events, and lets the outputs send what they
    /// hold, for `at_most`. What sequences hold goes to `state`.
    pub(super) fn stop(mut self, at_most: Duration, state: Option<SequenceState>) {
        let deadline = Instant::now() + at_most;
        let _ = sd_notify::notify(&[NotifyState::Stopping]);
        let Self { socket, second: Second { intake, path }, clock, .. } = &mut self;
        let now = clock.millis();
        while Instant::now() < deadline {
            let received = socket.receive(None, Some(Instant::now()), &mut |record| {
                intake.record(record, now, &mut |event| path.event(event));
            });
            if !received.is_ok_and(|received| received.datagrams > 0) {
                break;
            }
        }
        intake.finish(&mut |event| path.event(event));
        path.finish();
        let saved = state.map(|mut state| state.save(path.detector.engine()));
        self.tell_losses();
        match saved {
            Some(Ok(held)) if held > 0 => {
                self.notice(&format!("sequences: {held} kept for the next run"), Urgency::Info);
            }
            Some(Err(error)) => {
                self.notice(&format!("{error}: what sequences held is lost"), Urgency::Warning);
            }
            Some(Ok(_)) | None => {}
        }
        let alerts = counted(self.second.path.alerts, "alert");
        self.notice(&format!("stopped: {}, {alerts}", self.second.intake.summary()), Urgency::Info);
        for line in self.second.path.detector.told_of_exceptions() {
            self.notice(&line, Urgency::Info);
        }
        for (name, left) in
            self.second.path.outputs.shutdown(deadline.saturating_duration_since(Instant::now()))
        {
            tracing::warn!("output {name}: {left} messages could not be sent before the end");
        }
    }
}

/// What was lost or not understood so far, by place.
#[derive(Debug, Default)]
struct Losses {
    /// Records for which the receive buffer had no room.
    socket: u64,
    /// Datagrams that are no record.
    malformed: u64,
    /// Datagrams longer than any record can be.
    truncated: u64,
    /// Events ended early because too much was open.
    evicted: u64,
    /// Records cut at the bound of an event.
    oversize: u64,
    /// Of sequences.
    joined: JoinCounts,
}

impl Losses {
    fn of(socket: &mut Socket, second: &Second) -> Self {
        let (received, reassembly) = (socket.counters(), second.intake.summary().reassembly);
        Self {
            socket: socket.drops().unwrap_or(received.overruns),
            malformed: received.malformed,
            truncated: received.truncated,
            evicted: reassembly.evicted,
            oversize: reassembly.oversize,
            joined: second.path.detector.engine().join_counts(),
        }
    }

    fn since(&self, before: &Self) -> Option<String> {
        let grown = [
            (self.socket - before.socket, "records lost, the receive buffer was full"),
            (self.malformed - before.malformed, "datagrams that are no audit record"),
            (self.truncated - before.truncated, "records cut by the receive buffer's slot"),
            (self.evicted - before.evicted, "events ended early, too many were open"),
            (self.oversize - before.oversize, "records cut, their event was too large"),
            (self.joined.evicted - before.joined.evicted, "partial sequences given up, too many were held"),
            (self.joined.late - before.joined.late, "events too late for their place in a sequence"),
            (self.joined.cut - before.joined.cut, "events with more join keys than are followed"),
            (self.joined.rewound - before.joined.rewound, "steps of the clock back, seen by sequences"),
        ];
        let told: Vec<_> =
            grown.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        (!told.is_empty()).then(|| format!("blind spot: {}", told.join("; ")))
    }
}
