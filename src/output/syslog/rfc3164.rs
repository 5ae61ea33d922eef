//! What local daemons write into `/dev/log`: RFC 3164 without its host name.
//!
//! `<PRI>Mmm dd HH:MM:SS tag[pid]: text`, the time local, the day padded with a blank. A host name
//! here would be taken for the tag: rsyslog's imuxsock and journald expect none on a local socket.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Appends the header; the text follows directly.
pub(super) fn push_header(out: &mut Vec<u8>, pri: u8, time: Timestamp, zone: TimeZone, pid: u32) {
    let stamp = time.to_zoned_datetime(zone);
    let stamp = stamp.strftime("%b %e %H:%M:%S");
    out.extend_from_slice(format!("<{pri}>{stamp} {}[{pid}]: ", super::APP_NAME).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(time: &str, zone: TimeZone) -> String {
        let mut out = Vec::new();
        push_header(&mut out, 84, time.parse().unwrap(), zone, 812);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_day_is_padded_with_a_blank_and_the_time_is_local() {
        let utc = || TimeZone::UTC;
        assert_eq!(header("2026-09-01T04:05:06.181Z", utc()), "<84>Sep  1 04:05:06 auditward[812]: ");
        assert_eq!(header("2026-12-31T23:59:59Z", utc()), "<84>Dec 31 23:59:59 auditward[812]: ");
        let kolkata = TimeZone::fixed(jiff::tz::Offset::from_seconds(19_800).unwrap());
        assert_eq!(header("2026-12-31T23:59:59Z", kolkata), "<84>Jan  1 05:29:59 auditward[812]: ");
    }
}
