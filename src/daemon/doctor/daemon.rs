//! The daemon, its rules and its configuration.

use super::{Finding, Patient, Verdict, find, fine};
use crate::daemon::status::Report;
use crate::detect::Engine;
use crate::diagnostic::{Diagnostic, Level};

/// A destination that lags for longer is in trouble, in seconds.
const LAG: f64 = 60.0;

/// A canary that is older is missed, in multiples of its interval.
const OLD: u32 = 2;

pub(super) fn check(patient: &Patient<'_>, to: &mut Vec<Finding>) {
    match patient.report {
        Ok(report) => running(patient, report, to),
        Err((true, _)) => find(
            to,
            "daemon",
            Verdict::Mend,
            "no daemon runs: nobody watches",
            "`systemctl enable --now auditward.service`; why it does not: `systemctl status auditward.service`",
        ),
        Err((false, why)) => {
            let mend = "run `auditward doctor` as root, or as a member of the group auditward";
            find(to, "daemon", Verdict::Unseen, why.as_str(), mend);
        }
    }
    rules(patient, to);
}

fn running(patient: &Patient<'_>, report: &Report, to: &mut Vec<Finding>) {
    fine(to, "daemon", format!("it watches since {}, as process {}", report.up_since, report.pid));
    probe(report, to);
    let buffer = &report.receive_buffer;
    let lost = report.lost.socket_records;
    if buffer.granted < buffer.asked {
        let text = format!("the receive buffer has {} of {} bytes", buffer.granted, buffer.asked);
        let mend =
            format!("`sysctl -w net.core.rmem_max={}`, or ReceiveBuffer= in auditward.socket", buffer.asked);
        find(to, "buffer", Verdict::Mend, text, &mend);
    }
    if lost > 0 {
        let text = format!("{lost} records were lost since the start, the receive buffer was full");
        let mend = "a larger audit.receive_buffer, or fewer kernel rules";
        find(to, "buffer", Verdict::Mend, text, mend);
    }
    if lost == 0 && buffer.granted >= buffer.asked {
        fine(to, "buffer", format!("{} bytes, nothing lost in it", buffer.granted));
    }
    destinations(report, to);
    canary(patient, report, to);
    accounts(report, to);
    if report.rules.hash != patient.rules.hash {
        let text = "the rules in force are not those that are on the disk now";
        find(to, "detection-rules", Verdict::Mend, text, "`auditward reload`");
    }
}

fn probe(report: &Report, to: &mut Vec<Finding>) {
    let probe = &report.probe;
    match &probe.trouble {
        Some(why) => {
            let mend = "`systemctl enable --now auditward-probe.socket`; why it does not run: `systemctl status \
                        auditward-probe.socket auditward-probe.service`";
            find(to, "probe", Verdict::Mend, why.as_str(), mend);
        }
        None => {
            let text = format!("{} questions answered, {} not", probe.answered, probe.away + probe.slow);
            fine(to, "probe", text);
        }
    }
}

fn destinations(report: &Report, to: &mut Vec<Finding>) {
    let mut fine_ones = Vec::new();
    for one in &report.destinations {
        let troubles = [
            (one.lag_seconds > LAG).then(|| format!("lags {} s behind", one.lag_seconds)),
            one.trouble.clone(),
            (one.lost > 0).then(|| format!("{} alerts lost, its queue was full", one.lost)),
            (one.refused > 0).then(|| format!("{} alerts refused", one.refused)),
        ];
        let troubles: Vec<String> = troubles.into_iter().flatten().collect();
        if troubles.is_empty() {
            fine_ones.push(format!("{} ({} sent)", one.name, one.sent));
        } else {
            let text = format!("{}: {}", one.name, troubles.join(", "));
            find(to, "destinations", Verdict::Mend, text, "see that its receiver runs, reads and has room");
        }
    }
    if report.destinations.is_empty() {
        find(to, "destinations", Verdict::Mend, "alerts go nowhere", "enable [syslog], [file] or [stdout]");
    } else if fine_ones.len() == report.destinations.len() {
        fine(to, "destinations", fine_ones.join(", "));
    }
}

fn canary(patient: &Patient<'_>, report: &Report, to: &mut Vec<Finding>) {
    let canary = &report.canary;
    let timer = "`systemctl enable --now auditward-canary.timer`";
    let every = patient.config.daemon.canary;
    match (canary.age_seconds, every) {
        _ if canary.missed > 0 => {
            let text = format!("{} canaries were missed since the start", canary.missed);
            find(to, "canary", Verdict::Mend, text, "what else is found here says why");
        }
        (Some(age), Some(every)) if age > (OLD * every).as_secs() => {
            find(to, "canary", Verdict::Mend, format!("the last one was seen {age} s ago"), timer);
        }
        (Some(age), _) => {
            let way = canary.way_millis.unwrap_or_default();
            fine(to, "canary", format!("seen {age} s ago, {way} ms on its way"));
        }
        (None, _) => {
            let text = "none was seen yet: that the host is seen is not proven";
            let mend = format!("`auditward canary --wait 5` as root; {timer} for every 15 minutes");
            find(to, "canary", Verdict::Note, text, &mend);
        }
    }
}

fn accounts(report: &Report, to: &mut Vec<Finding>) {
    let Some(accounts) = &report.accounts else {
        let mend = "ask again in a moment; `journalctl -u auditward` says why, if it stays so";
        find(to, "accounts", Verdict::Mend, "the account files were not read yet", mend);
        return;
    };
    if !accounts.unreadable.is_empty() {
        let text = format!("cannot be read, the last known state stands: {}", accounts.unreadable.join("; "));
        find(to, "accounts", Verdict::Mend, text, "let the account auditward read them, as everybody may");
        return;
    }
    if !accounts.partial.is_empty() {
        let text = format!("too many entries, only a part is known: {}", accounts.partial.join(", "));
        find(to, "accounts", Verdict::Note, text, "accounts with UID 0 are known all the same");
    }
    if !accounts.watched {
        let mend =
            "a larger fs.inotify.max_user_instances; till then records and accounts.interval_seconds tell";
        find(to, "accounts", Verdict::Note, "inotify does not tell of changes", mend);
    }
    if accounts.malformed > 0 {
        let text = format!("{} lines are malformed", accounts.malformed);
        find(to, "accounts", Verdict::Note, text, "`pwck -r` and `grpck -r` name them");
    } else if accounts.partial.is_empty() && accounts.watched {
        fine(to, "accounts", format!("{} accounts, read at {}", accounts.accounts, accounts.read_at));
    }
}

fn rules(patient: &Patient<'_>, to: &mut Vec<Finding>) {
    let set = patient.rules;
    let errors: Vec<String> =
        set.faults.iter().filter(|fault| fault.level == Level::Error).map(Diagnostic::one_line).collect();
    if let Some(first) = errors.first() {
        let text = format!("{} faults in rules, lists or exceptions, the first: {first}", errors.len());
        find(to, "detection-rules", Verdict::Mend, text, "`auditward check` shows all with their places");
    }
    let engine = Engine::new(set.rules.clone());
    let dead: Vec<&str> = engine.not_live().iter().map(|dead| dead.rule.name.as_str()).collect();
    let live = engine.rules().len();
    if dead.is_empty() {
        let verdict = if live == 0 { Verdict::Mend } else { Verdict::Fine };
        let mend = if live == 0 { "see `auditward check`" } else { "" };
        find(to, "detection-rules", verdict, format!("rules that can match on this host: {live}"), mend);
    } else {
        let named = dead.iter().take(5).copied().collect::<Vec<_>>().join(", ");
        let text = format!("rules live: {live}; {} can match nothing here: {named}", dead.len());
        find(to, "detection-rules", Verdict::Note, text, "`auditward rules list` says why of each");
    }
    match patient.config_faults {
        [] => fine(to, "configuration", "no fault"),
        [first, rest @ ..] => {
            let text = format!("{} faults, the first: {first}", rest.len() + 1);
            find(to, "configuration", Verdict::Mend, text, "`auditward check` shows all with their places");
        }
    }
}
