//! `auditward rules test`: the tests that rule files carry, told as cargo tells its own.

use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;

use anyhow::Context as _;

use super::{Set, clean};
use crate::cli::Status;
use crate::daemon::trial::{self, Outcome};
use crate::rule::{Rule, TestCase};

struct Ran<'r> {
    rule: &'r Rule,
    test: &'r TestCase,
    outcome: Outcome,
}

pub(super) fn run(
    set: &Set,
    only: Option<&str>,
    junit: Option<&Path>,
    out: &mut dyn Write,
) -> anyhow::Result<Status> {
    let loaded = set.load();
    let tests = loaded.rules.iter().flat_map(|rule| rule.tests.iter().map(move |test| (rule, test)));
    let wanted = |rule: &Rule, test: &TestCase| {
        only.is_none_or(|only| {
            [&rule.id, &rule.uuid, &rule.name, &test.name].iter().any(|text| text.contains(only))
        })
    };
    let tests: Vec<_> = tests.filter(|(rule, test)| wanted(rule, test)).collect();
    writeln!(out, "running {} tests of {} rules", tests.len(), loaded.rules.len())?;
    let mut ran = Vec::new();
    for (rule, test) in tests {
        let outcome = trial::run(rule, test);
        writeln!(out, "test {} :: {} ... {outcome}", clean(&rule.id), clean(&test.name))?;
        ran.push(Ran { rule, test, outcome });
    }
    let failed: Vec<&Ran<'_>> = ran.iter().filter(|ran| ran.outcome != Outcome::Passed).collect();
    if !failed.is_empty() {
        writeln!(out, "\nfailures:")?;
        for ran in &failed {
            writeln!(out, "    {}", clean(&ran.told()))?;
        }
    }
    let untested = loaded.rules.iter().filter(|rule| rule.tests.is_empty()).count();
    let word = if failed.is_empty() { "ok" } else { "FAILED" };
    writeln!(
        out,
        "\ntest result: {word}. {} passed; {} failed; {untested} rules without a test",
        ran.len() - failed.len(),
        failed.len()
    )?;
    if let Some(file) = junit {
        std::fs::write(file, xml(&ran)).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(match (loaded.errors() > 0, failed.is_empty()) {
        (true, _) => Status::Error,
        (false, false) => Status::NotSo,
        (false, true) => Status::Fine,
    })
}

impl Ran<'_> {
    fn told(&self) -> String {
        let line = crate::rule::policy::line(&self.rule.source, self.test.place);
        let place = format!("{}:{line}: {}", self.rule.source.name.display(), self.test.name);
        match &self.outcome {
            Outcome::Passed => place,
            Outcome::Failed { found } => {
                format!("{place}: expected {} matches, found {found}", self.test.matches)
            }
            Outcome::Broken(why) => format!("{place}: {why}"),
        }
    }
}

fn xml(ran: &[Ran<'_>]) -> String {
    let failures = ran.iter().filter(|ran| ran.outcome != Outcome::Passed).count();
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"auditward rules\" tests=\"{}\" failures=\"{failures}\">\n",
        ran.len()
    );
    for ran in ran {
        let (class, name) = (escaped(&ran.rule.id), escaped(&ran.test.name));
        let _ = match &ran.outcome {
            Outcome::Passed => writeln!(xml, "  <testcase classname=\"{class}\" name=\"{name}\"/>"),
            _ => writeln!(
                xml,
                "  <testcase classname=\"{class}\" name=\"{name}\"><failure message=\"{}\"/></testcase>",
                escaped(&ran.told())
            ),
        };
    }
    xml.push_str("</testsuite>\n");
    xml
}

fn escaped(text: &str) -> String {
    let clean = clean(text);
    clean.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
