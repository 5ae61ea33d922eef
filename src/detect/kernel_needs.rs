//! What the kernel must record for one rule, in words.

use std::collections::BTreeSet;

use super::needs::StageNeeds;
use crate::eql::Requirement;
use crate::rule::Rule;

/// For a rule that rests on messages of programs alone.
pub const NEEDS_NOTHING: &str = "no kernel rule: auditing must be on";

/// What each stage of `rule` needs, without repetition.
#[must_use]
pub fn kernel_needs(rule: &Rule) -> Vec<String> {
    let mut needs = BTreeSet::new();
    for stage in rule.program.requirements().into_iter().flatten() {
        needs.extend(of_stage(stage));
    }
    if needs.len() > 1 {
        needs.remove(NEEDS_NOTHING);
    }
    needs.into_iter().collect()
}

fn of_stage(stage: &[Requirement]) -> Vec<String> {
    let needs = StageNeeds::of(stage);
    let names = needs.names.as_ref().map(|names| list(names.iter().map(|name| name.text.as_str())));
    let mut told = Vec::new();
    let mut add = |minimal: Option<String>, all: &str| {
        told.push(match minimal {
            Some(what) => format!("kernel rules for {what} (profile minimal)"),
            None => format!("kernel rules of profile all ({all})"),
        });
    };
    if needs.execution {
        add(names.as_ref().map(|names| format!("executions of {names}")), "every execution");
    }
    if !needs.seldom.is_empty() {
        add(Some(list(needs.seldom.iter().copied())), "");
    }
    if !needs.often.is_empty() {
        let calls = list(needs.often.iter().copied());
        let all = format!("{calls} of any program");
        add(names.as_ref().map(|names| format!("{calls} of {names}")), &all);
    }
    if needs.access.is_some() {
        let paths = list(needs.paths.iter().map(|path| path.text.as_str()));
        let on_paths = || format!("accesses of {paths}");
        match (needs.all_paths, names, needs.paths.is_empty()) {
            (true, ..) => add(Some(on_paths()), ""),
            (false, Some(names), _) => add(Some(format!("file accesses of {names}")), ""),
            (false, None, true) => add(None, "every file access of its kind"),
            (false, None, false) => {
                add(None, &format!("every file access of its kind; minimal: only those of {paths}"));
            }
        }
    }
    if told.is_empty() {
        told.push(NEEDS_NOTHING.to_owned());
    }
    told
}

/// The first few.
fn list<'a>(texts: impl Iterator<Item = &'a str> + Clone) -> String {
    let few: Vec<&str> = texts.clone().take(4).collect();
    few.join(", ") + if texts.count() > 4 { ", …" } else { "" }
}
