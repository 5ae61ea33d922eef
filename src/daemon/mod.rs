//! Wires the rooms to a running daemon: start, watch, stop.

mod accounts;
pub mod ahead;
mod auditd;
mod canary;
mod child;
pub(crate) mod clock;
pub mod config;
mod desk;
pub mod detector;
pub mod directories;
pub mod doctor;
pub mod excepted;
mod exported;
mod fair_queue;
mod gather;
mod health;
pub mod intake;
pub mod keeper;
mod life;
mod logging;
mod losses;
mod marker;
mod path;
pub mod privilege;
pub mod probe;
mod programs;
pub mod recorded;
pub mod reload;
mod roots;
mod rule_removals;
pub mod ruleset;
mod secrets;
pub mod sequence_state;
mod sight;
pub mod signals;
pub mod sockets;
pub(crate) mod start;
mod state_file;
pub mod status;
mod store;
mod triage;
pub mod trial;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use sd_notify::NotifyState;

use crate::audit::netlink::{JoinError, Socket};
use crate::diagnostic::{Diagnostic, Level};
use crate::event::proc::ProcGaps;
use crate::event::{self, Host, Mapper};
use crate::rule::policy::SITE;
use accounts::{Known, Probed};
use config::{Config, WithoutAuditing};
use directories::Directories;
use exported::Exported;
use health::Health;
use intake::Intake;
use life::Start;
use privilege::Identity;
use probe::Line;
use programs::Keeping;
use reload::Reloader;
use sequence_state::SequenceState;
use triage::Triage;
use watch::Watch;

/// How `auditward run` was asked to run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The configuration file; none: [`config::CONFIG_FILE`] where it exists, else the defaults.
    pub config: Option<PathBuf>,
    /// Rules instead of the configured ones.
    pub rules: Vec<PathBuf>,
    /// Where `overrides.d`, `exceptions.d` and `lists.d` are; none: [`SITE`].
    pub site: Option<PathBuf>,
    /// Alerts go to standard output too.
    pub stdout: bool,
    /// The account to run as when started as root.
    pub user: Option<String>,
    /// Whether a keeper turns auditing on and loads the kernel rules for as long as the daemon runs.
    pub load_kernel_rules: bool,
}

impl Options {
    fn site(&self) -> PathBuf {
        self.site.clone().unwrap_or_else(|| SITE.into())
    }
}

/// Why the daemon cannot listen, told apart by the exit status.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct CannotListen(#[from] pub JoinError);

/// How often joining is tried again where the settings say so.
const TRY_AGAIN: Duration = Duration::from_secs(30);

/// Runs the daemon in the foreground until SIGTERM or SIGINT.
///
/// # Errors
/// It cannot start: the audit group cannot be joined ([`CannotListen`]), another daemon runs
/// ([`directories::AlreadyRunning`]), privilege cannot be given up. What is wrong with single rules,
/// destinations or settings is told and left out instead.
pub fn run(options: &Options) -> anyhow::Result<()> {
    logging::start();
    let (config, config_faults) = start::config(options)?;
    let set = start::rule_set(&config.rules, &options.site())?;
    let health = Health::new(Host::this()).context("the daemon's own rules")?;
    let plan = start::plan(&set.rules, config.kernel_rules);
    let identity = Identity::choose(config.user.as_deref())?;
    let directories = Directories::prepare(&config.daemon, &identity)?;
    // Joined first, so that what the keeper's rules record is heard from the first on.
    let socket = join(&config)?;
    let mut keeper = options.load_kernel_rules.then(|| sight::load(&plan, identity.uid)).transpose()?;
    let seen = sight::tell(&socket, &plan);
    let mapping = event::Options { limits: config.processes.limits, ..event::Options::live() };
    let line = Line::open(&identity, socket.handed_over());
    let gaps = Box::new(ProcGaps::with_probe(line.hasty_client()));
    let mut mapper = Mapper::with_gaps(Host::this(), &mapping, gaps);
    let mut state = start::sequence_state(&directories);
    let programs = start::programs(&directories);
    let known_accounts = Known::of(directories.state.as_deref());
    start::snapshot(&mut mapper, &state.as_mut().map(SequenceState::births).unwrap_or_default());
    let (outputs, mut left_out) = start::destinations(&config)?;
    let stored = store::path(&config.store, &directories);
    stored.iter().for_each(|path| store::adopt(path, &identity));
    // Capabilities belong to threads, so this comes before the first one is started.
    privilege::lay_down(&identity, &[]).context("privilege cannot be laid down")?;
    tracing::info!("{identity}");
    line.watch(plan.rules, seen.as_ref()).context("the probe's thread")?;
    config.secrets.apply(directories.state.as_deref());
    config.labels.apply(&set.hash);
    let outputs = outputs.start_with(store::open(&config.store, &directories)).context("outputs")?;
    let exported = Exported::start(config.events.as_ref(), &mut left_out);
    let faults: Vec<_> = config_faults.into_iter().chain(set.faults.iter().cloned()).collect();
    let mut alerts = health.of_faults(faults.iter().filter(|fault| fault.level == Level::Error));
    alerts.extend(left_out.iter().map(|error| health.of_destination(error)));
    let faults = faults.iter().map(Diagnostic::one_line).chain(left_out).collect();
    let (rules, unseen) = (set.rules.clone(), health.unseen().clone());
    let accounts = config.accounts.clone();
    let probed = Probed::new(line.patient_client(), &accounts.root);
    let journal_by_syslog = logging::by_syslog(&config.syslog);
    let daemon = config.daemon.clone();
    let started = Start {
        config: daemon,
        journal_by_syslog,
        set,
        faults,
        directories,
        store: stored,
        health,
        seen,
        probe: line,
    };
    let mut detector = path::detector(&rules, &unseen, config.sequences);
    let resumed = state.as_mut().and_then(|state| state.resume(detector.engine_mut(), !socket.handed_over()));
    resumed.into_iter().for_each(|told| tracing::info!("{told}"));
    let intake = Intake::new(config.audit.limits.clone(), mapper);
    let probes = [started.probe.patient_client(), started.probe.patient_client()];
    let runs = Arc::clone(intake.mapper().runs());
    let keeping = programs.map(|programs| {
        programs.resume(&runs).into_iter().for_each(|told| tracing::warn!("{told}"));
        programs.keep(Arc::clone(&runs))
    });
    let keeping = keeping.transpose().context("the thread that keeps counts")?;
    let triage = Triage::start(
        &config.triage,
        accounts.root.clone(),
        probes,
        started.store.clone(),
        Arc::clone(&runs),
    );
    let triage = triage.context("the thread that gathers")?;
    let mut watch = Watch::new(socket, intake, detector, outputs, started, &accounts, triage)?;
    watch.export(exported);
    let options = options.clone();
    watch.serve(|desk| Reloader::start(options, config, rules, unseen, desk));
    watch.alert(alerts);
    watch.watch_accounts(accounts, known_accounts, probed);
    let result = watch.run(&mut keeper).context("the audit socket failed");
    watch.stop(state);
    keeping.into_iter().for_each(Keeping::finish);
    if let Some(keeper) = keeper {
        sight::give_back(keeper);
    }
    result
}

/// Joins the audit group, or waits until that can be done where the settings say so.
fn join(config: &Config) -> Result<Socket, CannotListen> {
    let mut told = false;
    loop {
        match Socket::take_or_join(config.audit.receive_buffer) {
            Err(error @ (JoinError::NoAudit(_) | JoinError::NotPermitted))
                if config.daemon.without_auditing == WithoutAuditing::Wait =>
            {
                if !told {
                    tracing::warn!("{error}; waiting, and trying again every {} s", TRY_AGAIN.as_secs());
                    // The service is up as far as it can be; its status says what it waits for.
                    let status = format!("waiting: {error}");
                    let _ = sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(&status)]);
                }
                told = true;
                std::thread::sleep(TRY_AGAIN);
            }
            joined => return Ok(joined?),
        }
    }
}
