//! Any bytes as a request to the probe, and as its answer to the daemon: what is read writes itself again exactly, and
//! no answer is longer than its bound. Nothing of the machine is read.
#![no_main]

use auditward::probe::answer::LONGEST;
use auditward::probe::{Answer, Request, server};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let request = Request::parse(bytes);
    if let Some(request) = request {
        assert_eq!(request.to_bytes(), bytes);
    }
    let told = server::answer(bytes, |_| Answer::Gone);
    assert_eq!(told.is_some(), request.is_some());
    assert!(told.is_none_or(|told| told.len() <= LONGEST));
    if let Some((tag, answer)) = Answer::parse(bytes) {
        assert_eq!(answer.to_bytes(tag), bytes);
    }
});
