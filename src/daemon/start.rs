//! What is read before the daemon watches: settings, rules, the processes that are already there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;

use super::config::{self, CONFIG_FILE, Config, Mode};
use super::sequence_state::{self, SequenceState};
use super::{Options, trial};
use crate::audit::kernel_rules::{Plan, Profile};
use crate::detect;
use crate::diagnostic::render;
use crate::event::Mapper;
use crate::rule::policy::SITE;
use crate::rule::{Rule, load};

/// The settings in force. Faults are told; each leaves its setting at the default.
///
/// # Errors
/// A file that was named cannot be read.
pub(super) fn config(options: &Options) -> anyhow::Result<Config> {
    let mut config = match &options.config {
        Some(path) => read(path)?,
        None if Path::new(CONFIG_FILE).exists() => read(Path::new(CONFIG_FILE))?,
        None => Config::default(),
    };
    if !options.rules.is_empty() {
        config.rules.clone_from(&options.rules);
    }
    config.stdout.enabled |= options.stdout;
    config.user = options.user.clone().or(config.user);
    Ok(config)
}

fn read(path: &Path) -> anyhow::Result<Config> {
    match config::read(path, Mode::Start) {
        Ok((config, faults)) => {
            for fault in &faults {
                eprint!("{}", render(fault, false));
            }
            Ok(config)
        }
        Err(fault) => bail!("{}", render(&fault, false).trim_end()),
    }
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

/// The kernel rules that the detection rules need on this host, under the profile that costs least.
pub(super) fn plan(rules: &[Arc<Rule>]) -> Plan {
    Plan::of_this_host(&detect::needs(rules), Profile::Minimal)
}

/// The bounds of sequences on this host, for commands that have no configuration of their own: those of
/// [`CONFIG_FILE`] where it can be read. Its faults are `check`'s to tell.
pub(crate) fn sequence_limits() -> detect::Limits {
    let read = config::read(Path::new(CONFIG_FILE), Mode::Start).ok();
    read.map(|(config, _)| config.sequences).unwrap_or_default()
}

/// The file for what sequences hold over a restart; that there is none is told and no error.
pub(super) fn sequence_state(config: &Config) -> Option<SequenceState> {
    let Some(directory) = sequence_state::directory(&config.daemon) else {
        tracing::info!("there is no state directory: what sequences hold ends with this run");
        return None;
    };
    let opened = SequenceState::open(&directory);
    opened.inspect_err(|error| tracing::warn!("{error}: what sequences hold ends with this run")).ok()
}

/// Takes the running processes into the process table, while /proc may be read as root.
pub(super) fn snapshot(mapper: &mut Mapper) {
    let found = mapper.take_snapshot();
    tracing::info!("{found} processes were already running");
}
