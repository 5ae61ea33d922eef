//! `auditward doctor`: what makes this host blind, silent or noisy.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::Status;
use super::status::{connect, read, runtime};
use crate::audit::kernel_rules::{Plan, Profile};
use crate::clean;
use crate::daemon::config::{self, CONFIG_FILE, Config, Mode};
use crate::daemon::directories::STATUS_SOCKET;
use crate::daemon::doctor::{Kernel, Patient, Place, Verdict, bundle, examine};
use crate::daemon::ruleset::RuleSet;
use crate::daemon::start;
use crate::daemon::status::Report;
use crate::diagnostic::Diagnostic;
use crate::rule::policy::SITE;

/// Look for everything that makes this host blind, silent or noisy, and say how it is mended.
///
/// Kernel support, rules, filters, processes older than auditing, the kernel's queue, the daemon, its buffer,
/// its destinations, its canary, its rules, the logger and its limits, /proc, mounts and the clock: one line
/// each. Nothing is changed. Root sees all of it; for anybody else what could not be seen is told.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit status: 0 nothing to mend, 1 something is, 2 error.\n\
    docs/status.md tells each check.")]
pub struct Args {
    /// Show only what is to be mended
    #[arg(long, short)]
    quiet: bool,

    /// Write an archive for a bug report (tar, gzip), with names, addresses and secrets taken out
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,

    /// The runtime directory of the daemon [default: of the configuration, else /run/auditward]
    #[arg(long, value_name = "DIR")]
    runtime: Option<PathBuf>,

    /// Configuration file [default: /etc/auditward/auditward.toml where it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Where overrides.d, exceptions.d and lists.d are (and rules.d, without rules in the configuration)
    #[arg(long, value_name = "DIR", default_value = SITE)]
    site: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// The bundle or standard output cannot be written.
pub fn run(args: &Args) -> anyhow::Result<Status> {
    let (config, config_faults) = configuration(args.config.as_deref());
    let rules = RuleSet::read(&config.rules, &args.site);
    let plan = Plan::of_this_host(&start::needs(&rules.rules), Profile::Minimal);
    let (place, kernel) = (Place::new(Path::new("/")), Kernel::ask());
    let report = report(args);
    let patient = Patient {
        place: &place,
        kernel: &kernel,
        config: &config,
        config_faults: &config_faults,
        rules: &rules,
        plan: &plan,
        report: &report,
    };
    let findings = examine(&patient);
    let mut out = io::stdout().lock();
    for finding in findings.iter().filter(|finding| !args.quiet || finding.verdict == Verdict::Mend) {
        writeln!(out, "{finding}")?;
    }
    if let Some(file) = &args.bundle {
        let names = bundle::write(file, &patient, &findings)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", file.display())))?;
        let said =
            format!("written to {}, look at it before you send it: {}", file.display(), names.join(", "));
        writeln!(out, "{}", clean::text(said.as_bytes()))?;
    }
    let mend = findings.iter().any(|finding| finding.verdict == Verdict::Mend);
    Ok(if mend { Status::NotSo } else { Status::Fine })
}

fn configuration(named: Option<&Path>) -> (Config, Vec<String>) {
    let file = match named {
        Some(file) => file,
        None if Path::new(CONFIG_FILE).exists() => Path::new(CONFIG_FILE),
        None => return (Config::default(), Vec::new()),
    };
    match config::read(file, Mode::Check) {
        Ok((config, faults)) => (config, faults.iter().map(Diagnostic::one_line).collect()),
        Err(fault) => (Config::default(), vec![fault.title]),
    }
}

/// The daemon's report; else whether none runs, and why there is none.
fn report(args: &Args) -> Result<Report, (bool, String)> {
    let socket = runtime(args.runtime.as_deref(), args.config.as_deref()).join(STATUS_SOCKET);
    match connect(&socket) {
        Ok(Some(stream)) => read(stream).map(|(report, _)| report).map_err(|e| (false, format!("{e:#}"))),
        Ok(None) => Err((true, format!("no daemon answers at {}", socket.display()))),
        Err(error) => Err((false, format!("{error:#}"))),
    }
}
