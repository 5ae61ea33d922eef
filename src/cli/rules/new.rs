//! `auditward rules new`: a rule to begin with, and two tests.

use std::io::{Read as _, Write};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::cli::Status;

const SKELETON: &str = include_str!("skeleton.toml");

pub(super) fn run(name: &str, out: &mut dyn Write) -> anyhow::Result<Status> {
    let today = TimeZone::UTC.to_datetime(Timestamp::now()).date();
    let day = format!("{:04}/{:02}/{:02}", today.year(), today.month(), today.day());
    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    write!(out, "{}", filled(name, &day, bytes))?;
    Ok(Status::Fine)
}

fn filled(name: &str, day: &str, random: [u8; 16]) -> String {
    let name = toml::Value::String(name.to_owned()).to_string();
    SKELETON.replace("@DAY@", day).replace("@UUID@", &uuid(random)).replace("@NAME@", &name)
}

/// A uuid of version 4 (RFC 9562) of these random bytes.
fn uuid(random: [u8; 16]) -> String {
    let number = u128::from_be_bytes(random);
    let number = number & !(0xf << 76) | 0x4 << 76;
    let number = number & !(0x3 << 62) | 0x2 << 62;
    let hex = format!("{number:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_says_its_version_and_variant() {
        assert_eq!(uuid([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(uuid([0; 16]), "00000000-0000-4000-8000-000000000000");
    }
}
