//! What the loaded rules need the kernel to record.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::audit::kernel_rules::{Needs, ProgramName};
use crate::eql::{Literal, Place, Requirement};
use crate::event::schema::field;
use crate::rule::Rule;

/// The programs that `rules` can name, and the rules that may match an execution of any program.
///
/// A rule whose stages are all about something else than executions (accounts, files, connections)
/// asks for none here.
#[must_use]
pub fn needs(rules: &[Arc<Rule>]) -> Needs {
    let mut programs = BTreeSet::new();
    let mut every_exec = Vec::new();
    for rule in rules {
        for requirements in rule.program.requirements().into_iter().flatten() {
            if !may_be_execution(requirements) {
                continue;
            }
            match requirements.iter().find(|need| need.field == field::PROCESS_NAME) {
                Some(need) => programs.extend(need.any_of.iter().map(program_name)),
                None if !every_exec.contains(&rule.name) => every_exec.push(rule.name.clone()),
                None => {}
            }
        }
    }
    Needs { programs: programs.into_iter().collect(), every_exec }
}

/// Whether a stage with these requirements can match the event of an execution.
fn may_be_execution(requirements: &[Requirement]) -> bool {
    let allows = |id, words: &[&str]| {
        let mut needs = requirements.iter().filter(move |need| need.field == id);
        needs.all(|need| need.any_of.iter().any(|l| words.iter().any(|word| l.takes(word.as_bytes()))))
    };
    allows(field::EVENT_CATEGORY, &["process"]) && allows(field::EVENT_TYPE, &["start"])
}

fn program_name(literal: &Literal) -> ProgramName {
    let text = String::from_utf8_lossy(&literal.bytes);
    let (text, wildcards) = match literal.place {
        Place::Whole => (text.into_owned(), false),
        Place::Start => (format!("{text}*"), true),
        Place::End => (format!("*{text}"), true),
        Place::Inside => (format!("*{text}*"), true),
        Place::Pattern => (text.into_owned(), true),
    };
    ProgramName { text, wildcards, ignore_case: literal.insensitive }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::schema::Live;
    use crate::rule::load;

    #[test]
    fn the_embedded_rules_name_their_programs() {
        let needs = needs(&load::embedded(&Live).rules);
        assert!(needs.programs.contains(&ProgramName::exact("usermod")), "{needs:?}");
        assert_eq!(needs.every_exec, Vec::<String>::new());
    }
}
