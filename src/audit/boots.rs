//! Where in a recording the host was booted anew: the kernel's serials begin again.

use super::{AuditEvent, Stamp};

/// A stamp is of the entry of a system call, its serial of the first record that it makes: so much earlier than a stamp before it, in
/// milliseconds, no serial of the same boot is given.
const APART: u64 = 5_000;

/// auditd's own messages, which have serials of its own (`audit-records.h` of audit-userspace).
const OF_AUDITD: std::ops::RangeInclusive<u16> = 1200..=1299;

/// The newest event so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Boots {
    newest: Option<Stamp>,
}

impl Boots {
    /// Takes the next event; whether it is the first of another boot. Of records that name their host (`node=`) nothing is said: the
    /// serials of several hosts say nothing of each other.
    pub fn begins(&mut self, event: &AuditEvent<'_>) -> bool {
        if event.node.is_some() || event.kinds().any(|kind| OF_AUDITD.contains(&kind.0)) {
            return false;
        }
        let newest = *self.newest.get_or_insert(event.stamp);
        let begins =
            event.stamp.serial < newest.serial && event.stamp.millis > newest.millis.saturating_add(APART);
        if begins || event.stamp.millis >= newest.millis {
            self.newest = Some(event.stamp);
        }
        begins
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Reassembler, Record};
    use super::*;

    /// What is said of each record, as an event of its own.
    fn said(log: &str) -> Vec<bool> {
        let mut reassembler = Reassembler::new(crate::audit::reassembler::Limits::default());
        let mut boots = Boots::default();
        let mut said = Vec::new();
        for line in log.lines() {
            let record = Record::from_log_line(line.as_bytes()).expect("a record");
            reassembler.push(&record, 0, &mut |event| said.push(boots.begins(event)));
        }
        reassembler.finish(&mut |event| said.push(boots.begins(event)));
        said
    }

    fn record(kind: &str, seconds: u64, serial: u64) -> String {
        format!("type={kind} msg=audit({seconds}.000:{serial}): op=x res=1\n")
    }

    #[test]
    fn serials_that_begin_again_are_another_boot() {
        let of = |stamps: &[(u64, u64)]| -> Vec<bool> {
            said(&stamps.iter().map(|(at, serial)| record("USER_LOGIN", *at, *serial)).collect::<String>())
        };
        assert_eq!(of(&[(100, 50), (101, 51), (160, 2), (161, 3)]), [false, false, true, false]);
        // An hour without a record is none, nor is a serial that is written late, or one of another CPU.
        assert_eq!(of(&[(100, 50), (3_700, 51)]), [false, false]);
        assert_eq!(of(&[(100, 50), (101, 49), (90, 52), (101, 53)]), [false; 4]);
        // A clock that is set back says nothing.
        assert_eq!(of(&[(100, 50), (50, 2), (101, 51)]), [false; 3]);
    }

    #[test]
    fn serials_of_auditd_and_of_other_hosts_say_nothing() {
        let daemon = record("USER_LOGIN", 100, 500)
            + &record("DAEMON_START", 200, 7)
            + &record("USER_LOGIN", 201, 501);
        assert_eq!(said(&daemon), [false; 3]);
        let nodes =
            format!("node=a {}node=b {}", record("USER_LOGIN", 100, 500), record("USER_LOGIN", 200, 7));
        assert_eq!(said(&nodes), [false; 2]);
    }
}
