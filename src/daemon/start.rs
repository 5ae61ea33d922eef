//! What is read before the daemon watches: settings, rules, the processes that are already there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;

use super::config::{self, CONFIG_FILE, Config, KernelRules, Mode};
use super::directories::Directories;
use super::programs::Programs;
use super::ruleset::RuleSet;
use super::sequence_state::SequenceState;
use super::{Options, trial};
use crate::audit::kernel_rules::cost;
use crate::audit::kernel_rules::{Needs, Plan, Profile, ProgramName};
use crate::audit::reassembler::Limits;
use crate::detect;
use crate::diagnostic::{Diagnostic, render};
use crate::event::{Birth, Mapper, ancestry};
use crate::output::{Opened, Outputs};
use crate::rule::policy::SITE;
use crate::rule::{Rule, load};

/// The settings in force, with their faults; each leaves its setting at the default.
///
/// # Errors
/// A file that was named cannot be read.
pub(super) fn read_config(options: &Options) -> Result<(Config, Vec<Diagnostic>), Box<Diagnostic>> {
    let (mut config, faults) = match &options.config {
        Some(path) => config::read(path, Mode::Start)?,
        None if Path::new(CONFIG_FILE).exists() => config::read(Path::new(CONFIG_FILE), Mode::Start)?,
        None => Default::default(),
    };
    if !options.rules.is_empty() {
        config.rules.clone_from(&options.rules);
    }
    config.stdout.enabled |= options.stdout;
    config.user = options.user.clone().or(config.user);
    Ok((config, faults))
}

/// [`read_config`], faults told.
///
/// # Errors
/// A file that was named cannot be read.
pub(super) fn config(options: &Options) -> anyhow::Result<(Config, Vec<Diagnostic>)> {
    match read_config(options) {
        Ok((config, faults)) => {
            tell(&faults);
            Ok((config, faults))
        }
        Err(fault) => bail!("{}", render(&fault, false).trim_end()),
    }
}

fn tell(faults: &[Diagnostic]) {
    faults.iter().for_each(|fault| eprint!("{}", render(fault, false)));
}

/// The rules, with all that was read for them. Faults are told on standard error, and the sound rules used.
///
/// # Errors
/// Not one rule is left.
pub(super) fn rule_set(paths: &[PathBuf], site: &Path) -> anyhow::Result<RuleSet> {
    let set = RuleSet::read(paths, site);
    tell(&set.faults);
    if set.rules.is_empty() {
        bail!("no rule can be used: there is nothing to watch for");
    }
    Ok(set)
}

/// The rules of `paths`, else the installed ones, else those built in. Faults are told on standard error,
/// and the sound rules used: a typing mistake must not blind a host.
///
/// # Errors
/// Not one rule is left.
pub(crate) fn rules(paths: &[PathBuf]) -> anyhow::Result<Vec<Arc<Rule>>> {
    rules_of(paths, Path::new(SITE))
}

/// The same with the overrides, exceptions and lists below another directory than /etc/auditward.
///
/// # Errors
/// As [`rules`].
pub(crate) fn rules_of(paths: &[PathBuf], site: &Path) -> anyhow::Result<Vec<Arc<Rule>>> {
    let mut loaded = load::effective(paths, site);
    trial::refuse_silencing(&mut loaded);
    for fault in &loaded.diagnostics {
        eprint!("{}", render(fault, false));
    }
    if loaded.rules.is_empty() {
        bail!("no rule can be used: there is nothing to watch for");
    }
    Ok(loaded.rules)
}

/// The destinations, open, and why others could not be.
///
/// # Errors
/// Destinations are asked for and none can be opened: alerts would go nowhere.
pub(super) fn destinations(config: &Config) -> anyhow::Result<(Opened, Vec<String>)> {
    let (mut opened, mut left_out) = (Opened::default(), Vec::new());
    let asked = config.sinks();
    let count = asked.len();
    for sink in asked {
        match Outputs::open(vec![sink]) {
            Ok(one) => opened.add(one),
            Err(error) => {
                eprintln!("auditward: error: {error}; this output is left out");
                left_out.push(error.to_string());
            }
        }
    }
    if count > 0 && left_out.len() == count {
        bail!("no output can be opened: {}", left_out.join("; "));
    }
    Ok((opened, left_out))
}

/// The kernel rules that the detection rules need on this host; every execution only where that is asked for and
/// can harm nothing.
pub(super) fn plan(rules: &[Arc<Rule>], asked: KernelRules) -> Plan {
    let profile = match asked {
        KernelRules::All if cost::risks_of_this_host().is_empty() => Profile::All,
        _ => Profile::Minimal,
    };
    let mut plan = Plan::of_this_host(&needs(rules), profile);
    if asked == KernelRules::Off {
        plan.rules.clear();
        plan.ring.clear();
    }
    plan
}

/// Where packages put this program, whose execution is the canary.
const PROGRAM: &str = "/usr/bin/auditward";

/// What the detection rules and, where it is installed, the canary need the kernel to record.
pub(crate) fn needs(rules: &[Arc<Rule>]) -> Needs {
    let mut needs = detect::needs(rules);
    if Path::new(PROGRAM).exists() {
        needs.programs.push(ProgramName::exact("auditward"));
    }
    needs
}

/// What `auditward replay` may hold at most.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bounds {
    /// `[audit]`
    pub(crate) audit: Limits,
    /// `[processes]`
    pub(crate) processes: ancestry::Limits,
    /// `[sequences]`
    pub(crate) sequences: detect::Limits,
}

/// The bounds of the configuration `file`, whose faults are told; without one, those of sequences on this host.
///
/// # Errors
/// The file that was named cannot be read.
pub(crate) fn bounds(file: Option<&Path>) -> anyhow::Result<Bounds> {
    let Some(file) = file else {
        return Ok(Bounds { sequences: sequence_limits(), ..Bounds::default() });
    };
    let options = Options { config: Some(file.to_owned()), ..Options::default() };
    let (config, _) = config(&options)?;
    let Config { audit, processes, sequences, .. } = config;
    Ok(Bounds { audit: audit.limits, processes: processes.limits, sequences })
}

/// The bounds of sequences on this host, for commands that have no configuration of their own: those of
/// [`CONFIG_FILE`] where it can be read. Its faults are `check`'s to tell.
pub(crate) fn sequence_limits() -> detect::Limits {
    let read = config::read(Path::new(CONFIG_FILE), Mode::Start).ok();
    read.map(|(config, _)| config.sequences).unwrap_or_default()
}

/// The file for what sequences hold over a restart; that there is none is told and no error.
pub(super) fn sequence_state(directories: &Directories) -> Option<SequenceState> {
    let Some(directory) = &directories.state else {
        tracing::info!("there is no state directory: what sequences hold ends with this run");
        return None;
    };
    let opened = SequenceState::open(directory);
    opened.inspect_err(|error| tracing::warn!("{error}: what sequences hold ends with this run")).ok()
}

/// The file for how often programs were executed; that there is none is told and no error.
pub(super) fn programs(directories: &Directories) -> Option<Programs> {
    let opened = Programs::open(directories.state.as_deref()?);
    let told = "how often programs were executed is not kept over a restart";
    opened.inspect_err(|error| tracing::warn!("{error}: {told}")).ok()
}

/// Takes the running processes into the process table, while /proc may be read as root.
pub(super) fn snapshot(mapper: &mut Mapper, births: &[Birth]) {
    let found = mapper.take_snapshot_after(births);
    tracing::info!("{found} processes were already running");
}
