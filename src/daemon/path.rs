//! From an event on: the rules are asked, what is no alert is put aside, and alerts go to the outputs.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use super::accounts::Accounts;
use super::auditd::Auditd;
use super::clock::Clock;
use super::detector::{Created, Detector};
use super::exported::Exported;
use super::health::Unseen;
use super::rule_removals::RuleRemovals;
use super::triage::Triage;
use crate::alert::Alert;
use crate::alert::suppress::{Kept, Suppressor};
use crate::audit::RecordType;
use crate::detect::Limits;
use crate::event::{AuditDocument, Host};
use crate::output::Outputs;
use crate::rule::Rule;

/// See the module.
pub(super) struct Path {
    pub(super) detector: Detector,
    pub(super) outputs: Outputs,
    pub(super) alerts: u64,
    /// Alerts of building blocks, which are sent to nobody.
    pub(super) building_blocks: u64,
    pub(super) suppressor: Suppressor,
    /// The rules whose matches are no alerts: proof of sight, and who may have written an account file.
    pub(super) unseen: Unseen,
    pub(super) accounts: Accounts,
    /// Canaries executed since the loop last looked.
    pub(super) canaries: Vec<Timestamp>,
    pub(super) removals: RuleRemovals,
    /// Whether kernel rules or settings were changed since the loop last looked.
    pub(super) rules_changed: bool,
    pub(super) auditd: Auditd,
    pub(super) triage: Triage,
    /// Where events go by themselves.
    pub(super) exported: Option<Exported>,
}

impl Path {
    /// `received` is when the last record of `event` was.
    pub(super) fn event(&mut self, event: &AuditDocument<'_>, received: Instant) {
        for record in event.event.records_of(RecordType::CONFIG_CHANGE) {
            self.rules_changed = true;
            self.removals.record(&record, event.event.stamp.millis);
            self.auditd.record(&record, received);
        }
        self.asked(received, |detector, emit| detector.event(event, emit));
        // Alerts go first.
        if let Some(exported) = &mut self.exported {
            exported.event(event);
        }
    }

    /// Sequences go on with the host's clock when no event moves them.
    pub(super) fn time_is(&mut self, millis: i64) {
        self.asked(Instant::now(), |detector, emit| detector.time_is(millis, emit));
    }

    /// No more events come.
    pub(super) fn finish(&mut self) {
        self.asked(Instant::now(), Detector::finish);
    }

    /// Lets the detector do `work`, and gives out the alerts that come of it.
    pub(super) fn asked(
        &mut self,
        received: Instant,
        work: impl FnOnce(&mut Detector, &mut dyn FnMut(Alert)),
    ) {
        let Self {
            detector,
            outputs,
            alerts,
            building_blocks,
            suppressor,
            unseen,
            canaries,
            accounts,
            triage,
            ..
        } = self;
        work(detector, &mut |mut alert: Alert| {
            if Arc::ptr_eq(&alert.rule, &unseen.canary) {
                canaries.push(alert.time());
                return;
            }
            if Arc::ptr_eq(&alert.rule, &unseen.account_writer) {
                accounts.note(alert.document());
                return;
            }
            *alerts += 1;
            let received = received.checked_sub(alert.waited).unwrap_or(received);
            let kept_back = if alert.rule.building_block {
                *building_blocks += 1;
                Some(("building_block", None))
            } else {
                let kept = suppressor.take(&alert, Instant::now());
                kept.map(|Kept { why, counted }| (why.word(), Some(counted)))
            };
            let ticket = triage.expect(&mut alert, kept_back.is_some());
            let alert = Arc::new(alert);
            match kept_back {
                Some((why, counted)) => outputs.keep_back(&alert, why, counted),
                None => outputs.push_received(&alert, received),
            }
            // Lines do not wait for it.
            if let Some(ticket) = ticket {
                triage.hand_over(alert, ticket);
            }
        });
    }

    /// Tells what was kept back and is due, or all of it.
    pub(super) fn tell_kept_back(&mut self, now: Instant, all: bool) {
        let told = if all { self.suppressor.finish(now) } else { self.suppressor.due(now) };
        told.into_iter().for_each(|alert| self.outputs.push_received(&Arc::new(alert), now));
        self.outputs.tell_rest(now, all);
    }

    /// Cases that have waited long enough are told.
    pub(super) fn settle(&mut self, now: Instant) {
        if self.detector.settles().is_some_and(|at| at <= now) {
            self.asked(now, |detector, emit| detector.settle(now, emit));
        }
    }

    /// Tells what became of the account files, with the writers that records have named; the lines that are due.
    pub(super) fn tell_accounts(&mut self, host: &Host) -> Vec<(String, bool)> {
        for told in self.accounts.events(host) {
            self.asked(Instant::now(), |detector, emit| detector.told(&told, &host.id, emit));
        }
        self.accounts.told()
    }

    /// When [`Path::time_is`] or [`Path::settle`] has something to do, on `clock`.
    pub(super) fn due(&self, clock: Clock) -> Option<u64> {
        let now = clock.millis();
        let sequences = self.detector.engine().due().map(|due| {
            let wait = due.saturating_sub(wall_clock());
            now.saturating_add(u64::try_from(wait).unwrap_or(0))
        });
        let at = |at: Instant| {
            let wait = at.saturating_duration_since(Instant::now()).as_micros().div_ceil(1_000);
            now.saturating_add(u64::try_from(wait).unwrap_or(0))
        };
        let (cases, accounts) = (self.detector.settles().map(at), self.accounts.due().map(at));
        [sequences, cases, accounts].into_iter().flatten().min()
    }

    /// An alert of the daemon about itself.
    pub(super) fn own(&mut self, alert: Alert) {
        self.alerts += 1;
        self.outputs.push(&Arc::new(alert));
    }
}

/// A detector for `rules` and those whose matches are no alerts.
pub(super) fn detector(rules: &[Arc<Rule>], unseen: &Unseen, limits: Limits) -> Detector {
    let rules = rules.iter().cloned().chain(unseen.rules()).collect();
    Detector::with_limits(rules, limits, Created::Now)
}

/// The rules of a [`detector`] but the last, which are the daemon's own and no alerts.
pub(super) fn watching(detector: &Detector) -> &[Arc<Rule>] {
    let rules = detector.engine().rules();
    rules.get(..rules.len().saturating_sub(Unseen::COUNT)).unwrap_or(rules)
}

/// Milliseconds since the Unix epoch, as records are stamped.
pub(super) fn wall_clock() -> i64 {
    Timestamp::now().as_millisecond()
}
