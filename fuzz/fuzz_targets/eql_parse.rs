//! Any text as a query: no panic, and every fault has a place that can be drawn.
#![no_main]

use std::sync::Arc;

use auditward::diagnostic::{Source, render};
use auditward::eql::Program;
use auditward::event::schema::Live;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let source = Arc::new(Source { name: "<query>".into(), text: text.to_owned() });
    if let Err(faults) = Program::compile(&source, &Live) {
        assert!(!faults.is_empty());
        for fault in &faults {
            assert!(!render(fault, false).is_empty());
        }
    }
});
