//! `auditward kernel-rules`: which of the kernel's audit rules the detection rules need; print them,
//! load them, unload them, keep them over a boot, and what they cost.

mod cost;
mod file;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::bail;
use clap::ValueEnum;

use super::Status;
use crate::audit::control::Control;
use crate::audit::kernel_rules::{self, LoadedRule, Loading, Plan, Profile, RuleTable, switch};
use crate::daemon::config::{self, CONFIG_FILE, Config, KernelRules, Mode};
use crate::daemon::directories::{RUNTIME, STATUS_SOCKET};
use crate::daemon::start;
use crate::diagnostic::render;

/// Where auditd's package has rule files, which augenrules(8) joins.
const RULES_D: &str = "/etc/audit/rules.d";

/// There where systemd is the host's init (sd_booted(3)).
const SYSTEMD: &str = "/run/systemd/system";

/// What `load --turn-on` found; root's own directory, gone with a boot.
const BEFORE: &str = "/run/auditward-kernel-rules/before";

/// The kernel's audit rules that the detection rules need: print, load, keep, remove, and their cost
///
/// The kernel records only what its own rules ask for. From the detection rules follows which
/// executions, file accesses and system calls it must record: `print` shows the kernel rules for that, ready for
/// /etc/audit/rules.d; `load` gives those that are missing to the running kernel, until the next
/// boot; `install` keeps them over a boot, in a file of their own; `unload` takes back every kernel
/// rule with the key `auditward`, and no other, and `remove` the file too.
///
/// No rule of other people is ever changed, and what one of theirs records already is not asked for
/// again. Recording every execution is never turned on unless it is asked for (`--profile all`).
#[derive(Debug, clap::Args)]
#[command(after_help = "See first what is missing, and what more would cost:\n  \
    auditward kernel-rules diff\n  auditward kernel-rules cost")]
pub struct Args {
    /// What to do
    #[arg(value_enum)]
    action: Action,

    /// How much is recorded [default: `kernel_rules` of the configuration, which is minimal]
    #[arg(long, value_enum)]
    profile: Option<ProfileName>,

    /// Rule file or directory (again for more), instead of the configured, installed or built-in rules
    #[arg(long, value_name = "PATH")]
    rules: Vec<PathBuf>,

    /// Configuration file [default: /etc/auditward/auditward.toml where it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// With `cost`: how long to measure
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,

    /// Let `load` and `install` use profile all also where a full disk would stop the host or its auditd, or no
    /// auditd runs
    #[arg(long)]
    force: bool,

    /// Let `load` turn auditing on where it is off and no audit daemon runs; `unload` turns it off again
    #[arg(long)]
    turn_on: bool,

    /// Let `load` remove the rule `-a never,task`, under which nothing is recorded
    #[arg(long)]
    drop_never_task: bool,

    /// The directory for `install` and `remove`
    #[arg(long, value_name = "DIR", default_value = RULES_D)]
    rules_d: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Action {
    /// Show the rules in the syntax of auditctl and /etc/audit/rules.d, and say what they give up
    Print,
    /// Compare them with what is loaded; exit 1 when some are missing or no longer needed
    Diff,
    /// Measure how many processes this host starts, and say what recording all of them would cost
    Cost,
    /// Load those that are missing, and say each
    Load,
    /// Remove those with our key, and say each
    Unload,
    /// Write those that no other file covers to 70-auditward.rules in /etc/audit/rules.d
    Install,
    /// Remove that file, and unload
    Remove,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ProfileName {
    /// As narrow as the detection rules allow: by the programs and files that they name
    Minimal,
    /// Every execution, and what else the detection rules need, of any program
    All,
}

impl From<ProfileName> for Profile {
    fn from(name: ProfileName) -> Self {
        match name {
            ProfileName::Minimal => Self::Minimal,
            ProfileName::All => Self::All,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// The detection rules cannot be used, or the kernel does not answer or permit.
pub fn run(args: &Args) -> anyhow::Result<Status> {
    let mut out = io::stdout().lock();
    match args.action {
        Action::Unload => return unload(&mut Control::open()?, &mut out),
        Action::Remove => {
            file::remove(&args.rules_d, &mut out)?;
            return unload(&mut Control::open()?, &mut out);
        }
        Action::Cost => {
            cost::tell(Duration::from_secs(args.seconds), &mut out)?;
            return Ok(Status::Fine);
        }
        Action::Print | Action::Diff | Action::Load | Action::Install => {}
    }
    let config = config_of(args)?;
    let paths = if args.rules.is_empty() { &config.rules } else { &args.rules };
    let rules = start::rules(paths)?;
    let changes = matches!(args.action, Action::Load | Action::Install);
    let mut profile = match (args.profile, config.kernel_rules) {
        (Some(asked), _) => asked.into(),
        (None, KernelRules::All) => Profile::All,
        (None, KernelRules::Off) if changes => {
            writeln!(out, "`kernel_rules = \"off\"` in the configuration: nothing is loaded or written")?;
            return Ok(Status::Fine);
        }
        (None, _) => Profile::Minimal,
    };
    // What cannot be had of the configuration is told by the exit status, and no reason to load nothing.
    let mut refused = false;
    if profile == Profile::All
        && changes
        && !args.force
        && let Some(why) = cost::refusal()
    {
        if args.profile.is_some() {
            bail!("{why}");
        }
        eprintln!("auditward: {why}; minimal stands");
        (profile, refused) = (Profile::Minimal, true);
    }
    let plan = Plan::of_this_host(&start::needs(&rules), profile);
    let status = act(args, &plan, &mut out)?;
    Ok(if refused { Status::Error } else { status })
}

fn act(args: &Args, plan: &Plan, out: &mut impl Write) -> anyhow::Result<Status> {
    match args.action {
        Action::Diff => diff(plan, &mut Control::open()?, out),
        Action::Load => {
            let mut control = Control::open()?;
            if args.turn_on && switch::turn_on(&mut control, Path::new(BEFORE))? {
                writeln!(
                    out,
                    "auditing was off: turned on, until `auditward kernel-rules unload` or a boot"
                )?;
            }
            if args.drop_never_task {
                drop_never_task(&mut control, out)?;
            }
            load(plan, &mut control, out)
        }
        Action::Install => {
            tell_blind(plan);
            file::install(plan, &args.rules_d, out)?;
            Ok(Status::Fine)
        }
        _ => {
            write!(out, "{plan}")?;
            Ok(Status::Fine)
        }
    }
}

/// Which detection rules see only part of what they look for.
fn tell_blind(plan: &Plan) {
    if !plan.blind.is_empty() {
        eprintln!(
            "auditward: not live, because they may match any program and only some are recorded: {}; `auditward \
             kernel-rules cost` says what recording every execution costs here, `load --profile all` does it",
            plan.blind.join(", ")
        );
    }
    for left_out in &plan.left_out {
        eprintln!("auditward: only under --profile all: {left_out}");
    }
}

/// Compares the plan with the kernel's table.
fn diff(plan: &Plan, table: &mut impl RuleTable, out: &mut impl Write) -> anyhow::Result<Status> {
    tell_blind(plan);
    let loaded = table.rules()?;
    let missing = kernel_rules::missing(&loaded, &plan.rules);
    for rule in &plan.rules {
        let word = if missing.contains(rule) { "missing  " } else { "there    " };
        writeln!(out, "{word}{rule}")?;
    }
    let wanted = plan.rules.iter().chain(&plan.ring);
    let wanted: Vec<LoadedRule> = wanted.filter_map(|rule| rule.as_loaded()).collect();
    let ours = loaded.iter().filter(|rule| rule.has_only_key(kernel_rules::KEY));
    let stale: Vec<_> = ours.filter(|rule| !wanted.contains(rule)).collect();
    for rule in &stale {
        writeln!(out, "unneeded {rule}")?;
    }
    Ok(if missing.is_empty() && stale.is_empty() { Status::Fine } else { Status::NotSo })
}

/// Removes `-a never,task`, which was asked for.
fn drop_never_task(table: &mut impl RuleTable, out: &mut impl Write) -> anyhow::Result<()> {
    for rule in table.rules()?.iter().filter(|rule| rule.silences_all_tasks()) {
        if table.delete(rule)? {
            writeln!(
                out,
                "removed  {rule}: what was started under it stays unrecorded; start new sessions, and take the line \
                 from {RULES_D} too"
            )?;
        }
    }
    Ok(())
}

/// The configuration named on the command line, else the installed one, else the defaults. Its faults are told.
fn config_of(args: &Args) -> anyhow::Result<Config> {
    let file = match &args.config {
        Some(file) => file.as_path(),
        None if Path::new(CONFIG_FILE).exists() => Path::new(CONFIG_FILE),
        None => return Ok(Config::default()),
    };
    match config::read(file, Mode::Start) {
        Ok((config, faults)) => {
            faults.iter().for_each(|fault| eprint!("{}", render(fault, false)));
            Ok(config)
        }
        Err(fault) => bail!("{}", render(&fault, false).trim_end()),
    }
}

fn load(plan: &Plan, table: &mut impl RuleTable, out: &mut impl Write) -> anyhow::Result<Status> {
    tell_blind(plan);
    if plan.rules.is_empty() {
        writeln!(out, "nothing to load: nothing that the detection rules name is here")?;
    }
    let enabled = table.status()?.enabled != 0;
    let done = kernel_rules::load(table, &plan.rules)?;
    let ring = kernel_rules::load_ring(table, &plan.ring)?;
    for rule in done.added.iter().chain(&ring) {
        writeln!(out, "added    {rule}")?;
    }
    for rule in &done.moved {
        writeln!(out, "moved    {rule}")?;
    }
    if !done.moved.is_empty() {
        writeln!(
            out,
            "moved: behind rules of others for some of the same, so that these give their keys again"
        )?;
    }
    for (rule, by) in &done.covered {
        match by.to_string() == rule.to_string() {
            true => writeln!(out, "loaded   {rule}")?,
            false => writeln!(out, "covered  {rule}\n      by {by}")?,
        }
    }
    if let Some(advice) = kernel_rules::advice(&done.locked_out, true) {
        write!(out, "{advice}")?;
    }
    for (rule, why) in &done.refused {
        eprintln!("auditward: refused: {rule}: {why}");
    }
    tell_obstacles(&done, enabled);
    Ok(if done.refused.is_empty() { Status::Fine } else { Status::Error })
}

/// What keeps the kernel from recording although the rules are there.
fn tell_obstacles(done: &Loading, enabled: bool) {
    if !enabled {
        eprintln!("auditward: auditing is off: nothing is recorded before `auditctl -e 1`");
    }
    if done.silenced {
        eprintln!(
            "auditward: the rule `-a never,task` is loaded: no program started since then is recorded; \
             remove it (`auditward kernel-rules load --drop-never-task`, and from /etc/audit/rules.d) and start \
             new sessions"
        );
    }
    for rule in &done.shadowing {
        eprintln!("auditward: this rule comes first, and what it names is not recorded: {rule}");
    }
}

fn unload(control: &mut Control, out: &mut impl Write) -> anyhow::Result<Status> {
    let ours = control.rules()?.iter().filter(|rule| rule.has_only_key(kernel_rules::KEY)).count();
    if ours > 0 && control.status()?.locked() {
        bail!("the kernel's rules are locked (enabled 2) until the next boot: {ours} of ours stay loaded");
    }
    let removed = kernel_rules::unload(control)?;
    for rule in &removed {
        writeln!(out, "removed  {rule}")?;
    }
    if removed.is_empty() {
        writeln!(out, "nothing to unload: no kernel rule has the key {}", kernel_rules::KEY)?;
    }
    // The daemon's socket is gone with it; what asks for the rules is the unit beside it.
    if !removed.is_empty() && Path::new(RUNTIME).join(STATUS_SOCKET).exists() && Path::new(SYSTEMD).exists() {
        writeln!(
            out,
            "auditward.service runs and has them loaded again within seconds; to keep them away, first: systemctl \
             stop auditward-kernel-rules.path"
        )?;
    }
    if switch::put_back(control, Path::new(BEFORE))? {
        writeln!(out, "auditing turned off again, as it was found")?;
    }
    Ok(Status::Fine)
}
