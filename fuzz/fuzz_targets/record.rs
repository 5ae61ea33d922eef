//! A line of a log, and the text of a netlink message, decoded to the last field.
#![no_main]

use auditward::audit::execve::Arguments;
use auditward::audit::{Record, RecordType};
use libfuzzer_sys::fuzz_target;

#[path = "../../tests/decode/mod.rs"]
mod decode;

fuzz_target!(|data: &[u8]| {
    let mut arguments = Arguments::default();
    if let Ok(record) = Record::from_log_line(data) {
        decode::decode_everything(&record, &mut arguments);
    }
    for kind in [RecordType::SYSCALL, RecordType::EXECVE] {
        if let Ok(record) = Record::from_payload(kind, data) {
            decode::decode_everything(&record, &mut arguments);
        }
    }
});
