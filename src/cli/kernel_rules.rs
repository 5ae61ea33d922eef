//! `auditward kernel-rules`: which of the kernel's audit rules the detection rules need; print them,
//! load them, unload them.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::ValueEnum;

use super::Status;
use crate::audit::control::Control;
use crate::audit::kernel_rules::{self, Loading, Plan, Profile, RuleTable};
use crate::daemon::config::{self, CONFIG_FILE, Mode};
use crate::daemon::start;
use crate::diagnostic::render;

/// Print, load or unload the kernel's audit rules that the detection rules need.
///
/// The kernel records only what its own rules ask for. From the detection rules follows which
/// executions it must record: `print` shows the kernel rules for that, ready for
/// /etc/audit/rules.d; `load` gives those that are missing to the running kernel, until the next
/// boot; `unload` takes back every kernel rule with the key `auditward`, and no other.
#[derive(Debug, clap::Args)]
#[command(after_help = "To keep the rules over a boot:\n  \
    auditward kernel-rules print > /etc/audit/rules.d/auditward.rules && augenrules --load")]
pub struct Args {
    /// What to do
    #[arg(value_enum)]
    action: Action,

    /// How much is recorded
    #[arg(long, value_enum, default_value_t = ProfileName::Minimal)]
    profile: ProfileName,

    /// Rule file or directory (again for more), instead of the configured, installed or built-in rules
    #[arg(long, value_name = "PATH")]
    rules: Vec<PathBuf>,

    /// Configuration file [default: /etc/auditward/auditward.toml where it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Action {
    /// Show the rules in the syntax of auditctl and /etc/audit/rules.d, and say what they give up
    Print,
    /// Load those that are missing, and say each
    Load,
    /// Remove those with our key, and say each
    Unload,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ProfileName {
    /// Executions of the programs that the detection rules can name, by the paths that exist here
    Minimal,
    /// Every execution
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
    if args.action == Action::Unload {
        return unload(&mut Control::open()?, &mut out);
    }
    let rules = start::rules(&rule_paths(args)?)?;
    let plan = Plan::of_this_host(&start::needs(&rules), args.profile.into());
    match args.action {
        Action::Load => load(&plan, &mut Control::open()?, &mut out),
        Action::Print | Action::Unload => {
            write!(out, "{plan}")?;
            Ok(Status::Fine)
        }
    }
}

/// The rules named on the command line, else those of the configuration; none for the default ones.
fn rule_paths(args: &Args) -> anyhow::Result<Vec<PathBuf>> {
    if !args.rules.is_empty() {
        return Ok(args.rules.clone());
    }
    let file = match &args.config {
        Some(file) => file.as_path(),
        None if Path::new(CONFIG_FILE).exists() => Path::new(CONFIG_FILE),
        None => return Ok(Vec::new()),
    };
    match config::read(file, Mode::Start) {
        Ok((config, faults)) => {
            faults.iter().for_each(|fault| eprint!("{}", render(fault, false)));
            Ok(config.rules)
        }
        Err(fault) => bail!("{}", render(&fault, false).trim_end()),
    }
}

fn load(plan: &Plan, table: &mut impl RuleTable, out: &mut impl Write) -> anyhow::Result<Status> {
    if !plan.widened_by.is_empty() {
        let names = plan.widened_by.join(", ");
        eprintln!("auditward: every execution is recorded, for rules that may match any program: {names}");
    }
    if plan.rules.is_empty() {
        writeln!(out, "nothing to load: no program that the detection rules name is installed here")?;
    }
    let enabled = table.status()?.enabled != 0;
    let done = kernel_rules::load(table, &plan.rules)?;
    for rule in &done.added {
        writeln!(out, "added    {rule}")?;
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
             remove it (`auditctl -d never,task`, and from /etc/audit/rules.d) and start new sessions"
        );
    }
    for rule in &done.shadowing {
        eprintln!("auditward: this rule comes first, and what it names is not recorded: {rule}");
    }
}

fn unload(table: &mut impl RuleTable, out: &mut impl Write) -> anyhow::Result<Status> {
    let ours = table.rules()?.iter().filter(|rule| rule.has_only_key(kernel_rules::KEY)).count();
    if ours > 0 && table.status()?.locked() {
        bail!("the kernel's rules are locked (enabled 2) until the next boot: {ours} of ours stay loaded");
    }
    let removed = kernel_rules::unload(table)?;
    for rule in &removed {
        writeln!(out, "removed  {rule}")?;
    }
    if removed.is_empty() {
        writeln!(out, "nothing to unload: no kernel rule has the key {}", kernel_rules::KEY)?;
    }
    Ok(Status::Fine)
}
