//! Wires the rooms to a running daemon: start, watch, stop.

pub(crate) mod clock;
pub mod config;
pub mod detector;
pub mod excepted;
pub mod intake;
pub mod keeper;
mod logging;
pub mod privilege;
pub mod sequence_state;
mod sight;
pub mod signals;
pub(crate) mod start;
pub mod trial;
mod watch;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;

use crate::audit::netlink::Socket;
use crate::event::{self, Host, Mapper};
use crate::output::Outputs;
use detector::{Created, Detector};
use intake::Intake;
use privilege::Identity;
use watch::Watch;

/// How `auditward run` was asked to run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The configuration file; none: [`config::CONFIG_FILE`] where it exists, else the defaults.
    pub config: Option<PathBuf>,
    /// Rules instead of the configured ones.
    pub rules: Vec<PathBuf>,
    /// Alerts go to standard output too.
    pub stdout: bool,
    /// The account to run as when started as root.
    pub user: Option<String>,
    /// Whether a keeper turns auditing on and loads the kernel rules for as long as the daemon runs.
    pub load_kernel_rules: bool,
}

/// Time that the outputs have to send what waits when the daemon stops.
const DRAIN: Duration = Duration::from_secs(5);

/// Runs the daemon in the foreground until SIGTERM or SIGINT.
///
/// # Errors
/// It cannot start: the audit group cannot be joined, an output cannot be opened, privilege cannot be
/// given up. What is wrong with single rules or settings is told and left out instead.
pub fn run(options: &Options) -> anyhow::Result<()> {
    logging::start();
    let config = start::config(options)?;
    let rules = start::rules(&config.rules)?;
    let plan = start::plan(&rules);
    let identity = Identity::choose(config.user.as_deref())?;
    // Joined first, so that what the keeper's rules record is heard from the first on.
    let socket = Socket::take_or_join(config.audit.receive_buffer)?;
    let mut keeper = options.load_kernel_rules.then(|| sight::load(&plan, identity.uid)).transpose()?;
    sight::tell(&socket, &plan);
    let mapping = event::Options { limits: config.processes.limits, ..event::Options::live() };
    let mut mapper = Mapper::new(Host::this(), &mapping);
    start::snapshot(&mut mapper);
    let outputs = Outputs::open(config.sinks()).context("outputs")?;
    let mut state = start::sequence_state(&config);
    // Capabilities belong to threads, so this comes before the first one is started.
    privilege::lay_down(&identity, &[]).context("privilege cannot be laid down")?;
    tracing::info!("{identity}");
    let outputs = outputs.start().context("outputs")?;
    let mut detector = Detector::with_limits(rules, config.sequences, Created::Now);
    let resumed = state.as_mut().and_then(|state| state.resume(detector.engine_mut(), !socket.handed_over()));
    resumed.into_iter().for_each(|told| tracing::info!("{told}"));
    let mut watch = Watch::new(socket, Intake::new(config.audit.limits, mapper), detector, outputs)?;
    let result = watch.run(&mut keeper).context("the audit socket failed");
    watch.stop(DRAIN, state);
    if let Some(keeper) = keeper {
        sight::give_back(keeper);
    }
    result
}
