//! The loop: records from the socket, along the path, until a signal ends it.

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use sd_notify::NotifyState;

use super::accounts::{Accounts, Known, Probed};
use super::auditd::Auditd;
use super::canary::Canary;
use super::clock::Clock;
use super::config::AccountsConfig;
use super::desk::{Desk, Request};
use super::detector::Detector;
use super::exported::Exported;
use super::intake::{Intake, counted};
use super::keeper::Keeper;
use super::life::{Life, Start};
use super::logging;
use super::losses::{lost, since, sum};
use super::path::{Path, wall_clock, watching};
use super::reload::{Answer, Prepared, Reloader};
use super::roots::Roots;
use super::rule_removals::RuleRemovals;
use super::sequence_state::SequenceState;
use super::signals::Signals;
use super::sockets;
use super::status::Lost;
use super::triage::Triage;
use crate::alert::suppress::Suppressor;
use crate::alert::{Alert, source_text};
use crate::audit::netlink::Socket;
use crate::output::{Outputs, Topic, Urgency};

/// Everything on the path of a record, wired.
pub(super) struct Watch {
    pub(super) socket: Socket,
    pub(super) second: Second,
    signals: Signals,
    clock: Clock,
    pub(super) life: Life,
    requests: Receiver<Request>,
    desk: Desk,
    reloader: Option<Reloader>,
}

/// What comes after the socket.
pub(super) struct Second {
    pub(super) intake: Intake,
    pub(super) path: Path,
}

/// Fewer datagrams in one batch than this: nothing was left in the socket.
const FULL_BATCH: usize = 64;

/// In the runtime directory: touched when kernel rules are to be loaded again
/// (`systemd/auditward-kernel-rules.path`).
const WISH: &str = "reload-rules";

/// How often losses and the keeper are looked at.
const ROUND: Duration = Duration::from_secs(1);

impl Watch {
    pub(super) fn new(
        socket: Socket,
        intake: Intake,
        detector: Detector,
        outputs: Outputs,
        start: Start,
        accounts: &AccountsConfig,
        triage: Triage,
    ) -> std::io::Result<Self> {
        let signals = Signals::install()?;
        let mut detector = detector;
        detector.set_roots(Roots::new(&accounts.root));
        let (desk, requests) = Desk::open(signals.waker()?);
        let (unseen, accounts) = (start.health.unseen().clone(), Accounts::new(accounts));
        // Under systemd a unit of root's waits for the wish; elsewhere nobody would.
        let runtime = start.directories.runtime.as_deref().filter(|_| socket.handed_over());
        let removals = RuleRemovals::new(runtime.map(|runtime| runtime.join(WISH)));
        let auditd = Auditd::find(start.seen.as_ref().map(|seen| seen.status.pid));
        let canaries = Vec::new();
        let path = Path {
            detector,
            outputs,
            alerts: 0,
            building_blocks: 0,
            suppressor: Suppressor::default(),
            unseen,
            accounts,
            canaries,
            removals,
            rules_changed: false,
            auditd,
            triage,
            exported: None,
        };
        Ok(Self {
            socket,
            second: Second { intake, path },
            signals,
            clock: Clock::start(),
            life: Life::new(start),
            requests,
            desk,
            reloader: None,
        })
    }

    /// Serves the sockets and reloads; `begin` starts the thread that reloads. That neither works is told,
    /// and the watch goes on.
    pub(super) fn serve(&mut self, begin: impl FnOnce(Desk) -> std::io::Result<Reloader>) {
        let served = self.desk.again().and_then(begin).and_then(|reloader| {
            self.reloader = Some(reloader.clone());
            match &self.life.start.directories.runtime {
                Some(runtime) => sockets::serve(runtime, &self.desk, reloader, self.life.start.store.clone()),
                None => Ok(()),
            }
        });
        if let Err(error) = served {
            tracing::warn!("`auditward status` and `auditward reload` do not work: {error}");
        }
    }

    /// Events go by themselves to `exported`, too, from now on.
    pub(super) fn export(&mut self, exported: Option<Exported>) {
        self.second.path.exported = exported;
    }

    /// Watches the account files from now on; that it cannot is told, and records are watched all the same.
    pub(super) fn watch_accounts(&mut self, config: AccountsConfig, known: Known, probed: Probed) {
        let accounts = &mut self.second.path.accounts;
        let watched = self.desk.again().and_then(|desk| accounts.watch(config, known, probed, desk));
        if let Err(error) = watched {
            tracing::warn!("the account files are not watched: {error}");
        }
    }

    /// Runs until SIGTERM or SIGINT.
    ///
    /// # Errors
    /// The socket is gone; a full buffer is none.
    pub(super) fn run(&mut self, keeper: &mut Option<Keeper>) -> std::io::Result<()> {
        if let Some(former) = self.life.mark() {
            self.notice(Topic::UncleanStop, &former.told, Urgency::Warning);
            if !former.booted {
                let alert = self.life.start.health.of_killed_daemon(&former.told);
                self.alert(vec![alert]);
            }
        }
        let live = counted(self.live() as u64, "rule");
        self.notice(Topic::Started, &format!("started, {live} live"), Urgency::Info);
        self.tell_former_losses();
        self.tell_untold();
        // Nothing listens outside systemd, and that is no fault.
        let _ = sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(&self.state())]);
        let mut round = Instant::now() + ROUND;
        while !self.signals.stop() {
            self.turn(round)?;
            self.attend();
            if Instant::now() >= round {
                round = Instant::now() + ROUND;
                self.round();
                self.look_after(keeper);
                // Sent from the loop that reads records, so that a loop that hangs is told to systemd by silence.
                let _ = sd_notify::notify(&[NotifyState::Watchdog, NotifyState::Status(&self.state())]);
            }
            if self.signals.reload() {
                self.second.path.outputs.reopen();
                self.second.path.exported.iter().for_each(Exported::reopen);
                if let Some(reloader) = &self.reloader {
                    reloader.reload_later();
                }
            }
        }
        Ok(())
    }

    /// One batch of records, and the events whose time is up.
    fn turn(&mut self, until: Instant) -> std::io::Result<()> {
        let Self { socket, second: Second { intake, path }, signals, clock, .. } = self;
        let due = [intake.next_deadline(), path.due(*clock)].into_iter().flatten().min();
        let deadline = clock.wake(due, until);
        // Of the batch, not of the moment before it was waited for.
        let mut now = None;
        let batch = socket.receive(Some(signals.wake()), Some(deadline), &mut |record| {
            let (millis, received) = *now.get_or_insert_with(|| (clock.millis(), Instant::now()));
            intake.record(record, millis, &mut |event| path.event(event, received));
        })?;
        if batch.woken {
            signals.settle();
        }
        let received = Instant::now();
        intake.expire(clock.millis(), &mut |event| path.event(event, received));
        let mut lines = Vec::new();
        if batch.datagrams < FULL_BATCH {
            path.time_is(wall_clock());
            if path.accounts.due().is_some_and(|at| at <= received) {
                lines = path.tell_accounts(&intake.mapper().host().clone());
            }
        }
        path.settle(received);
        for (line, warning) in lines {
            let urgency = if warning { Urgency::Warning } else { Urgency::Info };
            self.notice(Topic::Accounts, &line, urgency);
        }
        Ok(())
    }

    /// What other threads have asked for.
    fn attend(&mut self) {
        while let Ok(request) = self.requests.try_recv() {
            match request {
                Request::Report(asker) => {
                    let report = self.report();
                    let _ = asker.try_send(report);
                }
                Request::Install(prepared, asker) => {
                    let answer = self.install(*prepared);
                    let _ = asker.try_send(answer);
                }
                Request::Accounts(mut reading, told) => {
                    let path = &mut self.second.path;
                    path.detector.without_effect(std::mem::take(&mut reading.without_effect));
                    path.accounts.take(*reading, told);
                }
                Request::Doubt => self.second.path.detector.doubt(),
                Request::SendTest(asker) => {
                    let alert = Arc::new(self.life.start.health.of_test());
                    let _ = asker.try_send(self.second.path.outputs.send_test(&alert));
                }
                Request::Refused(why) => self.notice(Topic::Reload, &why, Urgency::Warning),
            }
        }
    }

    /// Goes on with other rules, destinations and settings, between two events.
    fn install(&mut self, prepared: Prepared) -> Answer {
        let Prepared { config, set, faults, plan, mut detector, destinations, mut told } = prepared;
        if let Err(error) = self.second.path.outputs.change(destinations) {
            let why = format!("reload refused, everything stays as it was: {error}");
            self.notice(Topic::Reload, &why, Urgency::Warning);
            return Answer::refused(vec![why]);
        }
        // Files are opened anew by every reload: logrotate needs no other way.
        self.second.path.outputs.reopen();
        let taken =
            |detector: &Detector| -> u64 { detector.excepted().map(|(_, applied)| applied.taken()).sum() };
        // Exceptions of rules that stay go on counting.
        let before = self.life.excepted_before + taken(&self.second.path.detector);
        self.life.excepted_before = before.saturating_sub(taken(&detector));
        told.extend(self.hand_over(&mut detector));
        std::mem::swap(&mut self.second.path.detector, &mut detector);
        let Life { start, read_at, .. } = &mut self.life;
        start.probe.set_plan(plan);
        start.journal_by_syslog = logging::by_syslog(&config.syslog);
        config.labels.apply(&set.hash);
        (start.config, start.set, start.faults) = (config.daemon, set, faults);
        *read_at = Timestamp::now();
        let live = counted(self.live() as u64, "rule");
        let hash = self.life.start.set.hash.get(..12).unwrap_or_default();
        let sentence = format!("reloaded, {live} live, hash of the rule set {hash}");
        self.notice(Topic::Reload, &sentence, Urgency::Info);
        told.iter().for_each(|line| tracing::info!("{line}"));
        told.push(sentence);
        Answer { accepted: true, lines: told }
    }

    /// Gives what sequences hold to the detector that comes next; what is to be said of it.
    fn hand_over(&mut self, next: &mut Detector) -> Option<String> {
        let path = &mut self.second.path;
        // What waited for earlier events is matched by the rules that it was taken in under.
        path.finish();
        next.go_on_from(&mut path.detector);
        let counts = path.detector.engine().join_counts();
        self.life.joined_before = sum(&self.life.joined_before, &counts);
        let saved = match path.detector.engine().save(&source_text) {
            Ok(saved) if counts.held > 0 => saved,
            Ok(_) => return None,
            Err(error) => return Some(format!("what sequences held is lost: {error}")),
        };
        match next.engine_mut().resume(&saved) {
            Ok(resumed) if resumed.changed > 0 => {
                let changed = counted(resumed.changed as u64, "rule");
                Some(format!(
                    "what {changed} held of sequences is left out: the query is gone or another now"
                ))
            }
            Ok(_) => None,
            Err(error) => Some(format!("what sequences held is lost: {error}")),
        }
    }

    /// What was lost so far.
    pub(super) fn lost(&mut self) -> Lost {
        let joined = sum(&self.life.joined_before, &self.second.path.detector.engine().join_counts());
        lost(&mut self.socket, &self.second.intake, &joined, self.life.start.probe.kernel_lost())
    }

    /// One line for `systemctl status`.
    fn state(&self) -> String {
        format!(
            "{} live, {}, {} lost",
            counted(self.live() as u64, "rule"),
            counted(self.second.path.alerts, "alert"),
            counted(self.life.lost.socket_records, "record"),
        )
    }

    pub(super) fn notice(&self, topic: Topic, text: &str, urgency: Urgency) {
        match urgency {
            _ if self.life.start.journal_by_syslog => {}
            Urgency::Info => tracing::info!("{text}"),
            Urgency::Warning => tracing::warn!("{text}"),
        }
        self.second.path.outputs.notice(topic, text, urgency);
    }

    /// Alerts on what was found at the start.
    pub(super) fn alert(&mut self, alerts: Vec<Alert>) {
        alerts.into_iter().for_each(|alert| self.second.path.own(alert));
    }

    /// What the run before has kept back and was killed before it told.
    fn tell_untold(&mut self) {
        let Path { detector, outputs, .. } = &mut self.second.path;
        for told in outputs.tell_untold(detector.engine().rules(), &self.life.start.health.host()) {
            self.notice(Topic::Store, &told, Urgency::Warning);
        }
    }

    /// A socket that systemd handed over may have been full while no daemon read it.
    fn tell_former_losses(&mut self) {
        if !self.socket.handed_over() {
            return;
        }
        self.life.lost = self.lost();
        let socket = self.life.lost.socket_records;
        if socket > 0 {
            let lost = counted(socket, "record");
            let text = format!("blind spot: {lost} lost before this start, the receive buffer was full");
            self.notice(Topic::BlindSpot, &text, Urgency::Warning);
        }
    }

    /// Says once when somebody has ended the keeper: nobody takes its rules back then.
    fn look_after(&self, keeper: &mut Option<Keeper>) {
        if keeper.as_mut().is_some_and(|keeper| !keeper.is_alive().unwrap_or(true)) {
            *keeper = None;
            let text = "the keeper of the kernel rules was killed: they stay loaded until `auditward \
                        kernel-rules unload`";
            self.notice(Topic::KernelRules, text, Urgency::Warning);
        }
    }

    /// What is done once a second.
    fn round(&mut self) {
        self.tell_losses();
        self.tell_removals();
        if let Some(reason) = self.second.path.auditd.round(Instant::now()) {
            let alert = self.life.start.health.of_killed_auditd(&reason);
            self.alert(vec![alert]);
        }
        self.life.start.probe.tell();
        if std::mem::take(&mut self.second.path.rules_changed) {
            self.life.start.probe.look_again();
        }
        let (now, time) = (Instant::now(), Timestamp::now());
        self.second.path.tell_kept_back(now, false);
        let totals = self.totals();
        self.life.rates.note(now, totals);
        if let Some(marker) = &mut self.life.marker {
            marker.touch();
        }
        for executed in std::mem::take(&mut self.second.path.canaries) {
            self.life.canary.saw(executed, time);
        }
        let Life { canary, start, .. } = &mut self.life;
        if let Some(reason) = Canary::look(canary, time, start.config.canary) {
            let alert = start.health.of_missed_canary(&reason);
            self.alert(vec![alert]);
        }
        for (name, left) in self.second.path.outputs.see_off() {
            tracing::warn!("output {name}, no longer asked for: {left} messages could not be sent");
        }
        for told in self.second.path.outputs.told_of_store() {
            self.notice(Topic::Store, &told, Urgency::Warning);
        }
        if self.life.heartbeat_due(now) {
            let text = self.heartbeat();
            self.notice(Topic::Heartbeat, &text, Urgency::Info);
        }
        if self.life.textfile_due(now) {
            let report = self.report();
            self.life.write_textfile(&report);
        }
    }

    fn heartbeat(&mut self) -> String {
        let report = self.report();
        let (totals, lost) = (&report.totals, &report.lost);
        format!(
            "alive: {}, {}, {} since the start; {} lost; {} live, {} not live, hash of the rule set {}",
            counted(totals.records, "record"),
            counted(totals.events, "event"),
            counted(totals.alerts, "alert"),
            counted(lost.socket_records, "record"),
            counted(report.rules.live as u64, "rule"),
            report.rules.not_live.len(),
            report.rules.hash,
        )
    }

    /// Says what was lost since it was last said, and when that is over.
    fn tell_losses(&mut self) {
        let now = self.lost();
        let looked = (Timestamp::now(), Instant::now());
        if let Some(text) = since(&now, &self.life.lost) {
            self.notice(Topic::BlindSpot, &text, Urgency::Warning);
        }
        let records = now.socket_records.saturating_sub(self.life.lost.socket_records);
        let in_kernel = now.kernel_records.saturating_sub(self.life.lost.kernel_records);
        let in_kernel = if self.life.start.probe.kernel_loses_ours() { in_kernel } else { 0 };
        if records + in_kernel > 0 && self.life.may_alert_of_loss(looked.1) {
            let places =
                [(records, "the receive buffer was full"), (in_kernel, "in the kernel, before any reader")];
            let told: Vec<_> = places
                .iter()
                .filter(|(lost, _)| *lost > 0)
                .map(|(lost, place)| format!("{} lost: {place}", counted(*lost, "record")))
                .collect();
            let alert = self.life.start.health.of_lost_records(&told.join("; "));
            self.alert(vec![alert]);
        }
        let rules = watching(&self.second.path.detector);
        if let Some(text) = self.life.spots.look(records, self.life.looked, looked, rules) {
            self.notice(Topic::BlindSpot, &text, Urgency::Warning);
        }
        (self.life.lost, self.life.looked) = (now, looked);
    }

    /// Says which detections may be blind since kernel rules were taken away or are missing, and when they are back.
    fn tell_removals(&mut self) {
        let Path { removals, detector, .. } = &mut self.second.path;
        let rules = watching(detector);
        let now = u64::try_from(wall_clock()).unwrap_or(0);
        let missing = self.life.start.probe.auditing().and_then(|auditing| auditing.missing_rules);
        let told =
            [removals.missing(missing, now), removals.round(now, rules.iter().map(|rule| &*rule.name))];
        for text in told.into_iter().flatten() {
            self.notice(Topic::KernelRules, &text, Urgency::Warning);
        }
    }

    /// Takes what still waits in the socket, ends the open events, and lets the outputs send what they
    /// hold, for the time that the settings give. What sequences hold goes to `state`.
    pub(super) fn stop(mut self, state: Option<SequenceState>) {
        let deadline = Instant::now() + self.life.start.config.drain;
        self.second.path.accounts.stop();
        let _ = sd_notify::notify(&[NotifyState::Stopping]);
        let Self { socket, second: Second { intake, path }, clock, .. } = &mut self;
        let (now, received) = (clock.millis(), Instant::now());
        while Instant::now() < deadline {
            let batch = socket.receive(None, Some(Instant::now()), &mut |record| {
                intake.record(record, now, &mut |event| path.event(event, received));
            });
            if !batch.is_ok_and(|batch| batch.datagrams > 0) {
                break;
            }
        }
        intake.finish(&mut |event| path.event(event, received));
        path.finish();
        path.tell_kept_back(Instant::now(), true);
        // Half of the time is the alerts'.
        let half = Instant::now() + deadline.saturating_duration_since(Instant::now()) / 2;
        let not_written = path.exported.take().map_or(0, |exported| exported.finish(half));
        let saved = state.map(|mut state| state.save(path.detector.engine(), || intake.mapper().births()));
        self.tell_losses();
        if not_written > 0 {
            let text = format!("{} left out of the file of events", counted(not_written, "event"));
            self.notice(Topic::QueueFull, &text, Urgency::Warning);
        }
        match saved {
            Some(Ok(held)) if held > 0 => {
                let text = format!("sequences: {held} kept for the next run");
                self.notice(Topic::Sequences, &text, Urgency::Info);
            }
            Some(Err(error)) => {
                let text = format!("{error}: what sequences held is lost");
                self.notice(Topic::Sequences, &text, Urgency::Warning);
            }
            Some(Ok(_)) | None => {}
        }
        let alerts = counted(self.second.path.alerts, "alert");
        let text = format!("stopped: {}, {alerts}", self.second.intake.summary());
        self.notice(Topic::Stopped, &text, Urgency::Info);
        for line in self.second.path.detector.told_of_exceptions() {
            self.notice(Topic::Exceptions, &line, Urgency::Info);
        }
        let kept = match self.second.path.outputs.store() {
            Some(_) => "; the alerts among them are in the store and go out after the next start",
            None => "",
        };
        for (name, left) in
            self.second.path.outputs.shutdown(deadline.saturating_duration_since(Instant::now()))
        {
            tracing::warn!("output {name}: {left} messages could not be sent before the end{kept}");
        }
        if let Some(marker) = self.life.marker {
            marker.clear();
        }
    }
}
