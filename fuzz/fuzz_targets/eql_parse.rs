//! Any text as a query: no panic, every fault has a place that can be drawn, and a query prints as one that
//! is read as the same.
#![no_main]

use std::sync::Arc;

use auditward::diagnostic::{Source, render};
use auditward::eql::{Program, parse};
use auditward::event::schema::Live;
use libfuzzer_sys::fuzz_target;

fn source(text: &str) -> Arc<Source> {
    Arc::new(Source { name: "<query>".into(), text: text.to_owned() })
}

fuzz_target!(|text: &str| {
    if let Err(faults) = Program::compile(&source(text), &Live) {
        assert!(!faults.is_empty());
        for fault in &faults {
            assert!(!render(fault, false).is_empty());
        }
    }
    if let Ok(query) = parse(&source(text)) {
        let printed = query.to_string();
        match parse(&source(&printed)) {
            Ok(again) => assert_eq!(again.to_string(), printed),
            Err(faults) => panic!("{text:?} prints as {printed:?}: {faults:?}"),
        }
    }
});
