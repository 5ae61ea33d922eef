//! What the kernel must record for one rule, in words.

use std::collections::BTreeSet;

use crate::eql::Requirement;
use crate::event::schema::field;
use crate::rule::Rule;

/// For a rule that rests on messages of programs alone.
pub const NEEDS_NOTHING: &str = "no kernel rule: auditing must be on";

/// What each stage of `rule` needs, without repetition.
#[must_use]
pub fn kernel_needs(rule: &Rule) -> Vec<String> {
    let mut needs = BTreeSet::new();
    for stage in rule.program.requirements().into_iter().flatten() {
        needs.insert(of_stage(stage));
    }
    if needs.len() > 1 {
        needs.remove(NEEDS_NOTHING);
    }
    needs.into_iter().collect()
}

fn of_stage(stage: &[Requirement]) -> String {
    let allows = |id, word: &str| {
        let mut needs = stage.iter().filter(move |need| need.field == id);
        needs.all(|need| need.any_of.iter().any(|literal| literal.takes(word.as_bytes())))
    };
    let category = |word| allows(field::EVENT_CATEGORY, word);
    let names = stage.iter().find(|need| need.field == field::PROCESS_NAME);
    let text = match () {
        () if category("process") && category("file") => {
            "kernel rules for whatever its events are: executions (profile all), files and calls"
        }
        () if category("process") && allows(field::EVENT_TYPE, "start") => {
            return match names {
                Some(need) => {
                    let names = need.any_of.iter().take(4).map(|name| String::from_utf8_lossy(&name.bytes));
                    let names: Vec<_> = names.collect();
                    let more = if need.any_of.len() > 4 { ", …" } else { "" };
                    format!("kernel rules for executions of {}{more} (profile minimal)", names.join(", "))
                }
                None => "kernel rules of profile all (every execution)".to_owned(),
            };
        }
        () if category("process") => {
            "kernel rules for its system calls (setuid family, exit, kill, ptrace, …)"
        }
        () if category("file") => "kernel rules for file changes (open, creat, rename, unlink, or watches)",
        () if category("network") => "kernel rules for connect, accept and bind",
        () if category("driver") => "kernel rules for init_module, finit_module and delete_module",
        () => NEEDS_NOTHING,
    };
    text.to_owned()
}
