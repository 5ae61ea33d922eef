//! What the kernel says of auditing.

use super::{Finding, Patient, Verdict, find, fine};
use crate::audit::control::{Control, ControlError, Status};
use crate::audit::kernel_rules::{LoadedRule, Needs, Plan, Profile, advice, missing};

/// The least backlog limit that bears a burst.
const BACKLOG: u32 = 8192;

/// The kernel's answers.
#[derive(Debug)]
pub enum Kernel {
    /// As asked for, with all rules.
    Answers {
        /// AUDIT_GET.
        status: Status,
        /// AUDIT_LIST_RULES.
        rules: Vec<LoadedRule>,
    },
    /// Only root may ask.
    NotPermitted,
    /// It has no auditing, or not here; why.
    None(String),
    /// It does not answer; why.
    Silent(String),
}

impl Kernel {
    /// Asks this host's kernel.
    #[must_use]
    pub fn ask() -> Self {
        match Control::open().and_then(|mut control| Ok((control.status()?, control.rules()?))) {
            Ok((status, rules)) => Self::Answers { status, rules },
            Err(ControlError::NotPermitted { .. }) => Self::NotPermitted,
            Err(error @ ControlError::NoAudit(_)) => Self::None(error.to_string()),
            Err(error) => Self::Silent(error.to_string()),
        }
    }
}

/// The checks that need its answers.
const ASKED: [&str; 8] = [
    "enabled",
    "rules-loaded",
    "never-task",
    "exclude",
    "old-processes",
    "backlog",
    "failure-mode",
    "console",
];

pub(super) fn check(patient: &Patient<'_>, to: &mut Vec<Finding>) {
    let cmdline = patient.place.read("/proc/cmdline").unwrap_or_default();
    let off = cmdline.split_whitespace().any(|word| matches!(word, "audit=0" | "audit=off"));
    match patient.kernel {
        _ if off => find(
            to,
            "kernel",
            Verdict::Mend,
            "auditing is switched off on the kernel's command line (audit=0)",
            "take audit=0 away (GRUB_CMDLINE_LINUX in /etc/default/grub, update-grub) and boot",
        ),
        Kernel::None(why) => find(
            to,
            "kernel",
            Verdict::Mend,
            why.as_str(),
            "boot a kernel with CONFIG_AUDIT and CONFIG_AUDITSYSCALL; in a container, run auditward on its host",
        ),
        Kernel::Silent(why) => find(to, "kernel", Verdict::Mend, why.as_str(), "try again as root"),
        _ if !patient.place.has("/proc/self/loginuid") => find(
            to,
            "kernel",
            Verdict::Mend,
            "this kernel records no system calls (CONFIG_AUDITSYSCALL is not set)",
            "boot a kernel that has it",
        ),
        _ => fine(to, "kernel", "it has auditing, and system calls are recorded"),
    }
    match patient.kernel {
        Kernel::Answers { status, rules } => asked(patient, status, rules, to),
        Kernel::NotPermitted => {
            for check in ASKED {
                find(
                    to,
                    check,
                    Verdict::Unseen,
                    "only root may ask the kernel",
                    "run `auditward doctor` as root",
                );
            }
        }
        Kernel::None(_) | Kernel::Silent(_) => {}
    }
}

fn asked(patient: &Patient<'_>, status: &Status, rules: &[LoadedRule], to: &mut Vec<Finding>) {
    match status.enabled {
        0 => find(
            to,
            "enabled",
            Verdict::Mend,
            "auditing is switched off: nothing is recorded",
            "`auditctl -e 1`, and for the next boot install auditd or put audit=1 on the kernel's command line",
        ),
        1 => fine(to, "enabled", "auditing is on"),
        _ => fine(to, "enabled", "auditing is on, and locked until the next boot"),
    }
    loaded(patient, status, rules, to);
    silenced(patient, rules, to);
    queue(status, to);
    console(patient, status, to);
    old_processes(patient, status, to);
}

fn loaded(patient: &Patient<'_>, status: &Status, rules: &[LoadedRule], to: &mut Vec<Finding>) {
    let plan = patient.plan;
    let every = Plan::of_this_host(&Needs::default(), Profile::All).rules;
    if !plan.blind.is_empty() && !missing(rules, &every).is_empty() {
        let named = plan.blind.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
        let count = plan.blind.len();
        let text = format!("every execution would have to be recorded for {count} rules: {named}");
        find(to, "rules-loaded", Verdict::Note, text, "`auditward kernel-rules cost` says what that costs");
    }
    let missing = missing(rules, &plan.rules);
    match advice(&missing, status.locked()) {
        None => {
            fine(
                to,
                "rules-loaded",
                format!("all {} that the detection rules need are there", plan.rules.len()),
            );
        }
        Some(_) if status.locked() => find(
            to,
            "rules-loaded",
            Verdict::Mend,
            format!("{} kernel rules are missing and locked out until the next boot (-e 2)", missing.len()),
            "`auditward kernel-rules print` into /etc/audit/rules.d, before -e 2, and boot",
        ),
        Some(_) => find(
            to,
            "rules-loaded",
            Verdict::Mend,
            format!("{} kernel rules that the detection rules need are missing", missing.len()),
            "`auditward kernel-rules load`",
        ),
    }
}

fn silenced(patient: &Patient<'_>, rules: &[LoadedRule], to: &mut Vec<Finding>) {
    let files = rule_files_with(patient, |line| {
        let flag = line.starts_with("-a") || line.starts_with("-A");
        flag && (line.contains("never,task") || line.contains("task,never"))
    });
    if rules.iter().any(LoadedRule::silences_all_tasks) {
        let text = "the rule `-a never,task` is loaded: no program that is started is recorded";
        let mend = format!("`auditctl -d never,task`{}, and start sessions and services anew", from(&files));
        find(to, "never-task", Verdict::Mend, text, &mend);
    } else if files.is_empty() {
        fine(to, "never-task", "no such rule");
    } else {
        let text =
            format!("`-a never,task` is not loaded now and will be at the next boot: {}", files.join(", "));
        find(to, "never-task", Verdict::Mend, text, "take it out there");
    }
    let taking: Vec<String> = rules
        .iter()
        .filter(|rule| rule.excludes_records() || rule.silences_system_calls())
        .map(ToString::to_string)
        .collect();
    if taking.is_empty() {
        fine(to, "exclude", "no rule takes anything away");
    } else {
        let text = format!("what these rules name is not seen: {}", taking.join("; "));
        find(to, "exclude", Verdict::Note, text, "keep them only where they are meant");
    }
}

fn from(files: &[String]) -> String {
    if files.is_empty() { String::new() } else { format!(", take it out of {}", files.join(", ")) }
}

/// The audit rule files that have a line like that.
fn rule_files_with(patient: &Patient<'_>, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let mut files = patient.place.files("/etc/audit/rules.d", ".rules");
    files.push("/etc/audit/audit.rules".to_owned());
    files.retain(|file| {
        let text = patient.place.read(file).unwrap_or_default();
        text.lines().any(|line| wanted(line.trim()))
    });
    files
}

fn queue(status: &Status, to: &mut Vec<Finding>) {
    let Status { backlog_limit, backlog, lost, .. } = *status;
    if backlog_limit < BACKLOG && backlog_limit != 0 {
        let text = format!("no more than {backlog_limit} records may wait in the kernel");
        let mend = format!("`auditctl -b {BACKLOG}`, and `-b {BACKLOG}` in /etc/audit/rules.d");
        find(to, "backlog", Verdict::Mend, text, &mend);
    }
    if lost > 0 {
        let text = format!("{lost} records were lost in the kernel since boot, before any reader");
        find(to, "backlog", Verdict::Note, text, "a larger backlog limit, or fewer rules");
    }
    if lost == 0 && (backlog_limit >= BACKLOG || backlog_limit == 0) {
        fine(to, "backlog", format!("{backlog} of {backlog_limit} records wait, none was lost"));
    }
    match status.failure {
        2 => find(
            to,
            "failure-mode",
            Verdict::Note,
            "the kernel panics when a record is lost (-f 2)",
            "`-f 1` where that is not meant",
        ),
        _ => fine(to, "failure-mode", "a lost record does not stop the host"),
    }
}

fn console(patient: &Patient<'_>, status: &Status, to: &mut Vec<Finding>) {
    if !status.kernel_prints_records() {
        return fine(to, "console", "an audit daemon takes the records, or auditing is off");
    }
    // console_loglevel stands first (proc_sys_kernel(5)); records are printed as KERN_NOTICE, 5.
    let levels = patient.place.read("/proc/sys/kernel/printk").unwrap_or_default();
    let console: u32 = levels.split_whitespace().next().and_then(|level| level.parse().ok()).unwrap_or(0);
    let text = "no audit daemon runs, so the kernel prints every record to its own log";
    if console > 5 {
        let mend = "run auditd, or `dmesg -n 5` to spare the console";
        find(to, "console", Verdict::Mend, format!("{text} and to the console"), mend);
    } else {
        find(to, "console", Verdict::Note, text, "run auditd, or keep the kernel rules few");
    }
}

/// A task that was forked before auditing was first switched on has no audit context for life.
fn old_processes(patient: &Patient<'_>, status: &Status, to: &mut Vec<Finding>) {
    let cmdline = patient.place.read("/proc/cmdline").unwrap_or_default();
    if cmdline.split_whitespace().any(|word| matches!(word, "audit=1" | "audit=on")) {
        return fine(to, "old-processes", "auditing is on from the boot on (audit=1)");
    }
    let since = match status.pid {
        0 => None,
        pid => started(patient, &pid.to_string()).map(|process| process.ticks),
    };
    let Some(since) = since else {
        return find(
            to,
            "old-processes",
            Verdict::Note,
            "since when auditing is on cannot be told; what was started before is never recorded",
            "audit=1 on the kernel's command line, or start long-lived sessions anew",
        );
    };
    let with_terminal: Vec<String> = pids(patient)
        .filter_map(|pid| Some((started(patient, &pid)?, pid)))
        .filter(|(process, _)| process.terminal && process.ticks < since)
        .map(|(process, pid)| format!("{} ({pid})", process.name))
        .collect();
    if with_terminal.is_empty() {
        fine(to, "old-processes", "no program with a terminal is older than the audit daemon");
    } else {
        let count = with_terminal.len();
        let named = with_terminal.into_iter().take(5).collect::<Vec<_>>().join(", ");
        let text = format!(
            "{count} programs with a terminal are older than the audit daemon and leave no record: {named}"
        );
        find(
            to,
            "old-processes",
            Verdict::Mend,
            text,
            "end and start them anew; audit=1 at boot for the next time",
        );
    }
}

fn pids(patient: &Patient<'_>) -> impl Iterator<Item = String> {
    let entries = std::fs::read_dir(patient.place.path("/proc")).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
}

struct Process {
    name: String,
    /// Start, in clock ticks after boot.
    ticks: u64,
    terminal: bool,
}

/// Of /proc/PID/stat (proc_pid_stat(5)): field 2 in brackets, 7 `tty_nr`, 22 `starttime`.
fn started(patient: &Patient<'_>, pid: &str) -> Option<Process> {
    let text = patient.place.read(&format!("/proc/{pid}/stat"))?;
    let (name, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    Some(Process {
        name: name.split_once('(')?.1.to_owned(),
        terminal: *fields.get(4)? != "0",
        ticks: fields.get(19)?.parse().ok()?,
    })
}
