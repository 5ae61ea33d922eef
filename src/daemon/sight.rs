//! What the daemon can see, said once at the start: everything in the way is one line with its mend.

use std::sync::Arc;

use anyhow::Context;
use jiff::Timestamp;

use super::keeper::{Keeper, Report};
use crate::audit::control::{Control, Status};
use crate::audit::kernel_rules::{self, LoadedRule, Needs, Plan, Profile, advice, missing};
use crate::audit::netlink::Socket;
use crate::detect;
use crate::rule::Rule;

/// Turns auditing on and loads the rules of `plan`, and says what came of it.
///
/// # Errors
/// The keeper cannot be started, or may not do its work.
pub(super) fn load(plan: &Plan, daemon_uid: u32) -> anyhow::Result<Keeper> {
    let rules = [plan.rules.as_slice(), &plan.ring].concat();
    let keeper = Keeper::start(&rules, &[daemon_uid]).context("kernel rules cannot be loaded")?;
    let Report { enabled, added, covered, refused, .. } = &keeper.report;
    if *enabled {
        tracing::info!("auditing was off: turned on until the daemon ends");
    }
    tracing::info!(
        "kernel rules: {} loaded until the daemon ends, {} covered by rules that are there",
        added.len(),
        covered.len()
    );
    for (rule, why) in refused {
        tracing::warn!("the kernel refuses a rule: {why}: {rule}");
    }
    // What cannot be loaded is among what `tell` finds missing, and is said there, once.
    Ok(keeper)
}

/// Lets the keeper take back what it changed, and says so.
pub(super) fn give_back(keeper: Keeper) {
    match keeper.finish() {
        Ok(undone) => {
            let off = if undone.disabled { ", auditing turned off again" } else { "" };
            tracing::info!("kernel rules: {} removed{off}", undone.removed);
            undone.left.iter().for_each(|left| tracing::warn!("{left}"));
        }
        Err(error) => tracing::warn!("the kernel rules could not be taken back: {error}"),
    }
}

/// What the kernel said of auditing when it was last asked: by `run` while it was root, by the probe since.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) asked_at: Timestamp,
    pub(super) status: Status,
    /// The rules of the plan that are not loaded.
    pub(super) missing: Vec<kernel_rules::Rule>,
    silenced: bool,
    /// Every execution is recorded.
    every: bool,
}

impl Seen {
    /// With these rules loaded; `plan` is what the detection rules need.
    pub(super) fn of(status: Status, loaded: &[LoadedRule], plan: &[kernel_rules::Rule]) -> Self {
        Self {
            asked_at: Timestamp::now(),
            missing: missing(loaded, plan),
            silenced: loaded.iter().any(LoadedRule::silences_all_tasks),
            every: missing(loaded, &every_execution()).is_empty(),
            status,
        }
    }

    /// Why `rule` did not see all that it asks for when the kernel was asked; none if it did.
    pub(super) fn hinders(&self, rule: &Arc<Rule>) -> Option<String> {
        let needs = detect::needs(std::slice::from_ref(rule));
        if needs == detect::needs(&[]) {
            return None;
        }
        if self.status.enabled == 0 {
            return Some("auditing was off when the kernel was last asked".to_owned());
        }
        if self.silenced {
            return Some(
                "the kernel rule `-a never,task` was loaded when the kernel was last asked".to_owned(),
            );
        }
        if !self.every && !needs.every_exec.is_empty() {
            let told = "not every execution was recorded when the kernel was last asked (`auditward kernel-rules \
                        cost` says what that costs, `load --profile all` does it)";
            return Some(told.to_owned());
        }
        let blind = self.missing.iter().filter(|missing| needs.ask_for(missing));
        let mut rules: Vec<String> = blind.map(ToString::to_string).collect();
        let more = rules.len().saturating_sub(2);
        rules.truncate(2);
        let and_more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let told = format!(
            "kernel rules were missing when the kernel was last asked (`auditward kernel-rules load`): {}{and_more}",
            rules.join("; ")
        );
        (!rules.is_empty()).then_some(told)
    }
}

/// Says what the socket got and what auditing gives; `plan` is what the detection rules need.
pub(super) fn tell(socket: &Socket, plan: &Plan) -> Option<Seen> {
    if let Some(shortfall) = socket.buffer().shortfall() {
        tracing::warn!("{shortfall}");
    }
    match Control::open().and_then(|mut control| Ok((control.status()?, control.rules()?))) {
        Ok((status, rules)) => {
            tell_auditing(&status, &rules, plan);
            Some(Seen::of(status, &rules, &plan.rules))
        }
        Err(error) => {
            tracing::warn!("whether auditing is on cannot be told: {error}");
            None
        }
    }
}

/// The rules that record every execution.
fn every_execution() -> Vec<kernel_rules::Rule> {
    Plan::of_this_host(&Needs::default(), Profile::All).rules
}

fn tell_auditing(status: &Status, loaded: &[LoadedRule], plan: &Plan) {
    if status.enabled == 0 {
        tracing::warn!(
            "auditing is off: nothing is seen until it is turned on (`auditctl -e 1`, or start with \
             --load-kernel-rules)"
        );
    }
    if loaded.iter().any(LoadedRule::silences_all_tasks) {
        tracing::warn!(
            "the rule `-a never,task` is loaded: no system call is recorded; remove it \
             (`auditctl -d never,task`) and start new sessions"
        );
    }
    for rule in loaded.iter().filter(|rule| rule.silences_system_calls()) {
        tracing::warn!("this kernel rule may take from us what it names: {rule}");
    }
    if let Some(text) = advice(&missing(loaded, &plan.rules), status.locked()) {
        tracing::warn!("{text}");
    }
    for left_out in &plan.left_out {
        tracing::info!("kernel rules of profile minimal leave out {left_out}");
    }
    if status.kernel_prints_records() {
        tracing::warn!(
            "no audit daemon runs, so the kernel prints every record to its own log as well; run auditd, \
             or keep the kernel rules few"
        );
    }
    if status.lost > 0 {
        tracing::info!("the kernel has lost {} audit records since boot, before any reader", status.lost);
    }
}
