//! Any bytes as a request on the control socket: only `reload` is that, and a query is what it writes itself as.
#![no_main]

use auditward::daemon::sockets::{Command, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|request: &[u8]| {
    let command = parse(request);
    assert_eq!(command == Some(Command::Reload), request == b"reload\n");
    if let Some(Command::Alerts(query)) = command {
        let again = format!("alerts {}\n", query.text());
        assert_eq!(parse(again.as_bytes()), Some(Command::Alerts(query)));
    }
});
