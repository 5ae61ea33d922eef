//! Any text as a rule file: it gives one rule, a reason why none, or an error; every fault has a place that can be drawn;
//! and each of its tests finds what the plain walk of the query finds in the test's events.
#![no_main]

use auditward::daemon::trial::{self, Outcome};
use auditward::diagnostic::{Level, render};
use auditward::eql::{Kind, Options, Program};
use auditward::event::schema::Live;
use auditward::rule::{Input, Rule, TestCase, load};
use bumpalo::Bump;
use libfuzzer_sys::fuzz_target;

#[path = "../../tests/eql_support/reference.rs"]
mod reference;

/// More only makes the plain way slow.
const MOST_BYTES: usize = 8_000;
const MOST_EVENTS: usize = 8;

fuzz_target!(|text: &str| {
    if text.len() > MOST_BYTES {
        return;
    }
    let loaded = load::text("fuzz.toml", text, &Live);
    for fault in &loaded.diagnostics {
        assert!(!render(fault, false).is_empty());
    }
    let errors = loaded.diagnostics.iter().any(|fault| fault.level == Level::Error);
    let came_to = loaded.rules.len() + loaded.skipped.len();
    assert!(came_to <= 1 && (came_to == 1 || errors), "{text}");
    for rule in &loaded.rules {
        assert!(Program::compile(&rule.effective, &Live).is_ok(), "what is in force compiles: {text}");
        for test in &rule.tests {
            match &test.input {
                // Files of this machine are none of the fuzzer's business.
                Input::File(_) => {}
                Input::Records(events) | Input::Events(events) => as_plainly(rule, test, events),
            }
        }
    }
});

fn as_plainly(rule: &std::sync::Arc<Rule>, test: &TestCase, text: &str) {
    let outcome = trial::run(rule, test);
    let arena = Bump::new();
    let Ok(events) = trial::events(text, rule.program.fields(), &arena) else {
        return assert!(matches!(outcome, Outcome::Broken(_)), "{outcome:?}\n{text}");
    };
    if events.len() > MOST_EVENTS || !rule.program.pipes().is_empty() || rule.program.kind() == Kind::Sample {
        return;
    }
    let expected = reference::answer(&rule.effective, &Live, &Options::default(), &events, None).len() as u64;
    let found = match outcome {
        Outcome::Passed => test.matches,
        Outcome::Failed { found } => found,
        Outcome::Broken(why) => panic!("{why}: {text}"),
    };
    assert_eq!(found, expected, "{:?}\n{text}", rule.effective.text);
}
