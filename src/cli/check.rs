//! `auditward check`: everything static, all faults at once.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use super::Status;
use crate::clean;
use crate::daemon::config::{self, CONFIG_FILE, Config, Mode};
use crate::daemon::trial;
use crate::diagnostic::{Diagnostic, Level, codes, render};
use crate::output::is_of;
use crate::rule::policy::SITE;
use crate::rule::{Loaded, load};
use crate::toml_file::Codes;

/// Check the configuration and the rules, and tell every fault at once.
///
/// Each fault names its file, line and column, marks the place, and says what to write instead. Nothing
/// is run and nothing needs privilege. What is checked is what `auditward run` with the same options
/// would load.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit status: 0 no errors (warnings may be), 1 errors were found, \
    2 a file could not be read.\n\
    Example: auditward check --rules /etc/auditward/rules.d")]
pub struct Args {
    /// Configuration file. Default: /etc/auditward/auditward.toml, if it is there.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Rule file or directory (again for more). Default: those of the configuration, else the installed
    /// rules, else those built in.
    #[arg(long = "rules", value_name = "PATH")]
    rules: Vec<PathBuf>,

    /// Where overrides.d, exceptions.d and lists.d are (and rules.d, without --rules)
    #[arg(long, value_name = "DIR", default_value = SITE)]
    site: PathBuf,
}

/// Runs the command; faults go to standard error, what was checked to standard output.
///
/// # Errors
/// Standard output or standard error cannot be written.
pub fn run(args: &Args) -> anyhow::Result<Status> {
    let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
    Ok(check(args, colour, &mut io::stdout().lock(), &mut io::stderr().lock())?)
}

fn check(args: &Args, colour: bool, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Status> {
    let (config, file, mut faults) = configuration(args.config.as_deref());
    let paths = if args.rules.is_empty() { &config.rules } else { &args.rules };
    let mut loaded = load::effective(paths, &args.site);
    trial::refuse_silencing(&mut loaded);
    faults.extend(unheard(&config, &loaded));
    for fault in faults.iter().chain(&loaded.diagnostics) {
        writeln!(err, "{}", render(fault, colour).trim_end())?;
        writeln!(err)?;
    }
    for skipped in &loaded.skipped {
        let line = format!("{}: {}", skipped.file.display(), skipped.reason);
        writeln!(out, "{}", clean::text(line.as_bytes()))?;
    }
    let summary = summary(file.as_deref(), &loaded, &faults);
    writeln!(out, "{}", clean::text(summary.as_bytes()))?;
    faults.extend(loaded.diagnostics);
    Ok(status(&faults))
}

/// The configuration, which file it is, and its faults; the default where none is installed.
fn configuration(named: Option<&Path>) -> (Config, Option<PathBuf>, Vec<Diagnostic>) {
    let file = match named {
        Some(file) => file,
        None if Path::new(CONFIG_FILE).exists() => Path::new(CONFIG_FILE),
        None => return (Config::default(), None, Vec::new()),
    };
    match config::read(file, Mode::Check) {
        Ok((config, faults)) => (config, Some(file.to_owned()), faults),
        Err(fault) => (Config::default(), None, vec![*fault]),
    }
}

/// Warnings of rules and tags that a destination asks for and no rule has: it would wait for them for ever.
fn unheard(config: &Config, loaded: &Loaded) -> Vec<Diagnostic> {
    let warning = |name: &str, what: &str, asked: &str| Diagnostic {
        code: codes::CONFIG_BAD_VALUE,
        level: Level::Warning,
        title: format!("destination {name} asks for {what} `{asked}`, which no rule that runs has"),
        source: None,
        primary: None,
        context: Vec::new(),
        help: Some("`auditward rules list` has the rules".to_owned()),
    };
    let mut warnings = Vec::new();
    for sink in config.sinks() {
        let (rules, choice) = (&loaded.rules, &sink.choice);
        // The daemon's own rules are in no file.
        let of_files = choice.rules.iter().filter(|name| !name.starts_with("auditward-"));
        let unknown = of_files.filter(|name| !rules.iter().any(|rule| is_of(name, rule)));
        warnings.extend(unknown.map(|name| warning(&sink.name, "the rule", name)));
        let unknown = choice.tags.iter().filter(|tag| !rules.iter().any(|rule| rule.tags.contains(tag)));
        warnings.extend(unknown.map(|tag| warning(&sink.name, "the tag", tag)));
    }
    warnings
}

fn summary(file: Option<&Path>, loaded: &Loaded, faults: &[Diagnostic]) -> String {
    let errors = faults.iter().filter(|fault| fault.level == Level::Error).count();
    let (errors, warnings) = (errors + loaded.errors(), faults.len() - errors + loaded.warnings());
    let config = file.map_or_else(|| "no configuration file".to_owned(), |file| file.display().to_string());
    format!(
        "checked {config} and {}: {} ready to run, {} not run; {}, {}",
        count(loaded.files, "rule file"),
        count(loaded.rules.len(), "rule"),
        loaded.skipped.len(),
        count(errors, "error"),
        count(warnings, "warning"),
    )
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn status(faults: &[Diagnostic]) -> Status {
    let unreadable = [Codes::RULE.unreadable, Codes::CONFIG.unreadable];
    if faults.iter().any(|fault| unreadable.contains(&fault.code)) {
        Status::Error
    } else if faults.iter().any(|fault| fault.level == Level::Error) {
        Status::NotSo
    } else {
        Status::Fine
    }
}
