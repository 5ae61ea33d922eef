//! Random queries over random events.

use std::sync::Arc;

use proptest::prelude::*;

use crate::diagnostic::Source;

use super::super::explain::explain;
use super::super::generate::{Choices, Fields, without_places};
use super::super::{Options, Place, Program};
use crate::event::{Document, Value};

fn source(text: String) -> Arc<Source> {
    Arc::new(Source { name: "<query>".into(), text })
}

proptest! {
    #[test]
    fn what_is_printed_parses_to_the_same(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let query = Choices(&bytes).query();
        let text = query.to_string();
        let mut parsed = match super::super::parse(&source(text.clone())) {
            Ok(parsed) => parsed,
            Err(faults) => return Err(TestCaseError::fail(format!("{text}\n{faults:?}"))),
        };
        without_places(&mut parsed);
        prop_assert_eq!(&parsed, &query, "{}", text);
        prop_assert_eq!(parsed.to_string(), text);
    }

    #[test]
    fn compiled_and_walked_agree(
        query in prop::collection::vec(any::<u8>(), 0..200),
        events in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..8),
    ) {
        let query = Choices(&query).query();
        let source = source(query.to_string());
        let Ok(program) = Program::compile(&source, &Fields) else { return Ok(()) };
        for event in &events {
            let event = Choices(event).event();
            let walked = explain(&source, &Fields, &Options::default(), &event).unwrap();
            let walked: Vec<bool> = walked.iter().map(|stage| stage.truth).collect();
            let compiled: Vec<bool> =
                program.stages().iter().map(|stage| stage.condition.holds(&event)).collect();
            prop_assert_eq!(&compiled, &walked, "{}\n{:?}", source.text, event);
            needs_hold(&program, &compiled, &event)?;
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "(?s).{0,60}", words in prop::collection::vec(prop::sample::select(vec![
        "process", "where", "and", "or", "not", "(", ")", "[", "![", "]", "==", ":", "in", "like~", "\"a\"", "'", "`", "?",
        "sequence", "by", "with", "maxspan", "=", "5s", "until", "sample", "|", "head", "a.b", "f(", ",", "-", "1", ".5", "\"\"\"",
    ]), 0..30)) {
        for text in [text, words.join(" ")] {
            if let Err(faults) = Program::compile(&source(text), &Fields) {
                prop_assert!(!faults.is_empty());
                for fault in faults {
                    prop_assert!(crate::diagnostic::render(&fault, false).contains('^'));
                }
            }
        }
    }
}

/// Whatever a stage matches satisfies what it is said to need.
fn needs_hold<D: Document>(program: &Program, compiled: &[bool], event: &D) -> Result<(), TestCaseError> {
    for (needs, matched) in program.requirements().into_iter().zip(compiled) {
        if !matched {
            continue;
        }
        let Some(needs) = needs else { return Err(TestCaseError::fail("a stage that matches nothing did")) };
        for need in needs {
            let taken = event.values(need.field).as_slice().iter().any(|value| match value {
                Value::Text(text) => need.any_of.iter().any(|literal| literal.takes(text)),
                _ => false,
            });
            prop_assert!(taken, "{need:?}");
            prop_assert!(
                need.any_of.iter().all(|literal| literal.place != Place::Inside || !literal.bytes.is_empty())
            );
        }
    }
    Ok(())
}

/// The property above would say nothing if hardly any query compiled or ever matched.
#[test]
fn generated_queries_mostly_compile_and_sometimes_match() {
    let (mut state, mut compiled, mut held, mut missed) = (1_u64, 0, 0, 0);
    let mut bytes = |count| -> Vec<u8> {
        (0..count)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) as u8
            })
            .collect()
    };
    for _ in 0..1000 {
        let query = Choices(&bytes(200)).query();
        let Ok(program) = Program::compile(&source(query.to_string()), &Fields) else { continue };
        compiled += 1;
        let event = Choices(&bytes(60)).event();
        for stage in program.stages() {
            if stage.condition.holds(&event) { held += 1 } else { missed += 1 }
        }
    }
    assert!(compiled > 500 && held > 100 && missed > 100, "{compiled} {held} {missed}");
}
