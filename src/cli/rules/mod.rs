//! `auditward rules`: list, show, test, explain and begin rules.

mod explain;
mod list;
mod new;
mod show;
mod test;

use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;
use clap::{Subcommand, ValueEnum};

use super::Status;
use crate::daemon::trial;
use crate::diagnostic::{Level, render};
use crate::rule::policy::SITE;
use crate::rule::{Loaded, Rule, load};

/// List, show, test and explain rules, or begin a new one.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

/// Which rules.
#[derive(Debug, clap::Args)]
pub(super) struct Set {
    /// Rule file or directory (again for more). Default: the installed rules, else those built in.
    #[arg(long, value_name = "PATH")]
    rules: Vec<PathBuf>,

    /// Where overrides.d, exceptions.d and lists.d are (and rules.d, without --rules)
    #[arg(long, value_name = "DIR", default_value = SITE)]
    site: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Tell of each rule whether it is live, partly live or not, and why
    List {
        #[command(flatten)]
        set: Set,
        /// How it is printed; `json`: one object a line
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Show all of one rule, and which file gave each key
    Show {
        /// Its id, uuid, name or file
        rule: String,
        #[command(flatten)]
        set: Set,
    },
    /// Run the tests that rule files carry
    #[command(after_help = "Exit status: 0 all passed, 1 one failed, 2 a rule file is broken.")]
    Test {
        /// Rule file or directory. Default: the installed rules, else those built in.
        path: Option<PathBuf>,
        /// Only tests whose name or rule contains this
        #[arg(long, value_name = "TEXT")]
        only: Option<String>,
        /// Also write the results as JUnit XML
        #[arg(long, value_name = "FILE")]
        junit: Option<PathBuf>,
        /// Where lists.d and overrides.d are
        #[arg(long, value_name = "DIR", default_value = SITE)]
        site: PathBuf,
    },
    /// Print a skeleton of a rule with two tests
    New {
        /// Its name
        name: String,
    },
    /// Say of each clause of a rule whether it holds of the events in a file
    Explain {
        /// Its id, uuid, name or file
        rule: String,
        /// Audit records or ECS documents (one a line)
        events: PathBuf,
        #[command(flatten)]
        set: Set,
    },
}

/// Runs the command.
///
/// # Errors
/// A rule is not found, a file cannot be read, or standard output cannot be written.
pub fn run(args: &Args) -> anyhow::Result<Status> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let result = match &args.action {
        Action::List { set, format } => list::run(set, *format, &mut out),
        Action::Show { rule, set } => show::run(rule, set, &mut out),
        Action::Test { path, only, junit, site } => {
            let paths: Vec<PathBuf> = path.iter().cloned().collect();
            let set = Set { rules: paths, site: site.clone() };
            test::run(&set, only.as_deref(), junit.as_deref(), &mut out)
        }
        Action::New { name } => new::run(name, &mut out),
        Action::Explain { rule, events, set } => explain::run(rule, events, set, &mut out),
    };
    let result = result.and_then(|status| Ok(out.flush().map(|()| status)?));
    match result {
        Err(error)
            if error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == ErrorKind::BrokenPipe) =>
        {
            Ok(Status::Fine)
        }
        other => other,
    }
}

impl Set {
    /// The rules as the daemon would have them; errors in them are told on standard error.
    pub(super) fn load(&self) -> Loaded {
        let mut loaded = load::effective(&self.rules, &self.site);
        trial::refuse_silencing(&mut loaded);
        for fault in loaded.diagnostics.iter().filter(|fault| fault.level == Level::Error) {
            eprint!("{}", render(fault, false));
        }
        loaded
    }

    /// Where the site's own files are.
    pub(super) fn site(&self) -> &Path {
        &self.site
    }

    /// The rule with this uuid, id or name, or the one in this file.
    pub(super) fn find(&self, wanted: &str) -> anyhow::Result<Arc<Rule>> {
        let file = Path::new(wanted);
        if file.is_file() {
            let set = Set { rules: vec![file.to_owned()], site: self.site.clone() };
            return match set.load().rules.first() {
                Some(rule) => Ok(Arc::clone(rule)),
                None => bail!("{wanted} holds no rule that can be used"),
            };
        }
        let loaded = self.load();
        let by = |rule: &&Arc<Rule>| rule.uuid == wanted || rule.id == wanted || rule.name == wanted;
        if let Some(rule) = loaded.rules.iter().find(by) {
            return Ok(Arc::clone(rule));
        }
        let skipped = |uuid: &Option<String>, name: &Option<String>| {
            uuid.as_deref() == Some(wanted) || name.as_deref() == Some(wanted)
        };
        if let Some(found) = loaded.skipped.iter().find(|found| skipped(&found.uuid, &found.name)) {
            bail!("{}: {}", found.file.display(), found.reason);
        }
        bail!(
            "no rule has the id, uuid or name {wanted:?}, and no file is called so; see `auditward rules list`"
        )
    }
}

/// `text` with control characters and the like written as `\u{7f}`, everything else as it is: a query
/// must be shown as it was written.
pub(super) fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if crate::clean::is_hidden(c) => clean.extend(c.escape_unicode()),
            c => clean.push(c),
        }
    }
    clean
}

/// The same of a text of many lines, which it keeps.
pub(super) fn clean_lines(text: &str) -> String {
    text.split('\n').map(clean).collect::<Vec<_>>().join("\n")
}
