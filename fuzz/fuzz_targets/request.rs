//! Any bytes as a request on the control socket: only the one request is one.
#![no_main]

use auditward::daemon::sockets::{Command, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|request: &[u8]| {
    assert_eq!(parse(request) == Some(Command::Reload), request == b"reload\n");
});
