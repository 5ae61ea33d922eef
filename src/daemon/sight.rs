//! What the daemon can see, said once at the start: everything in the way is one line with its mend.

use anyhow::Context;

use super::keeper::{Keeper, Report};
use crate::audit::control::{Control, Status};
use crate::audit::kernel_rules::{LoadedRule, Plan, advice, missing};
use crate::audit::netlink::Socket;

/// Turns auditing on and loads the rules of `plan`, and says what came of it.
///
/// # Errors
/// The keeper cannot be started, or may not do its work.
pub(super) fn load(plan: &Plan, daemon_uid: u32) -> anyhow::Result<Keeper> {
    let keeper = Keeper::start(&plan.rules, &[daemon_uid]).context("kernel rules cannot be loaded")?;
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

/// Says what the socket got and what auditing gives; `plan` is what the detection rules need.
pub(super) fn tell(socket: &Socket, plan: &Plan) {
    if let Some(shortfall) = socket.buffer().shortfall() {
        tracing::warn!("{shortfall}");
    }
    match Control::open().and_then(|mut control| Ok((control.status()?, control.rules()?))) {
        Ok((status, rules)) => tell_auditing(&status, &rules, plan),
        Err(error) => tracing::warn!("whether auditing is on cannot be told: {error}"),
    }
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
