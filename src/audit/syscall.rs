//! The SYSCALL record: who made which system call, and what came of it.

use super::fields::{Field, kernel, take};

/// The fields of a SYSCALL record (`kernel/auditsc.c`, `audit_log_exit`), found in one pass. A field that
/// the record lacks is empty, or `None` where it is an encoded string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Syscall<'a> {
    /// `AUDIT_ARCH_*` in hex.
    pub arch: &'a [u8],
    /// Number of the call within the architecture, decimal.
    pub syscall: &'a [u8],
    /// `yes`, `no`; absent when the call never returned.
    pub success: &'a [u8],
    /// Return value, decimal; a negative one is an errno.
    pub exit: &'a [u8],
    /// First argument of the call, hex.
    pub a0: &'a [u8],
    /// Second argument, hex.
    pub a1: &'a [u8],
    /// Third argument, hex.
    pub a2: &'a [u8],
    /// Fourth argument, hex.
    pub a3: &'a [u8],
    /// Number of PATH records.
    pub items: &'a [u8],
    /// Parent's process id.
    pub ppid: &'a [u8],
    /// Process id (thread group).
    pub pid: &'a [u8],
    /// Login uid; 4294967295 is unset.
    pub auid: &'a [u8],
    /// Real uid.
    pub uid: &'a [u8],
    /// Real gid.
    pub gid: &'a [u8],
    /// Effective uid.
    pub euid: &'a [u8],
    /// Saved uid.
    pub suid: &'a [u8],
    /// File system uid.
    pub fsuid: &'a [u8],
    /// Effective gid.
    pub egid: &'a [u8],
    /// Saved gid.
    pub sgid: &'a [u8],
    /// File system gid.
    pub fsgid: &'a [u8],
    /// Terminal, `(none)` without one.
    pub tty: &'a [u8],
    /// Session id; 4294967295 is unset.
    pub ses: &'a [u8],
    /// Name of the task, at most 15 bytes, encoded.
    pub comm: Option<Field<'a>>,
    /// Path of the executable, encoded.
    pub exe: Option<Field<'a>>,
    /// Security label.
    pub subj: Option<Field<'a>>,
    /// Keys of the rule that matched, encoded; see [`Keys`](super::value::Keys).
    pub key: Option<Field<'a>>,
}

impl<'a> Syscall<'a> {
    /// Reads the body of a SYSCALL record; of a key that stands twice the first counts.
    #[must_use]
    pub fn parse(body: &'a [u8]) -> Self {
        Self::parse_with_rest(body).0
    }

    /// As [`Syscall::parse`]; beside it a text in which every field is that has no place here, maybe among some
    /// that have; empty where there is none.
    #[must_use]
    pub fn parse_with_rest(body: &'a [u8]) -> (Self, &'a [u8]) {
        let mut all = Self::default();
        let rest = all.in_order(body);
        let mut placed = true;
        for field in kernel(rest) {
            placed &= all.put(field);
        }
        (all, if placed { &[] } else { rest })
    }

    /// As [`Syscall::parse`], for those who need no field after `items`; others may be absent.
    #[must_use]
    pub(super) fn parse_head(body: &'a [u8]) -> Self {
        let mut head = Self::default();
        head.head_in_order(body);
        if head.items.is_empty() { Self::parse(body) } else { head }
    }

    /// Takes the fields from the front as long as they stand in the kernel's order, and gives what is
    /// left.
    #[inline]
    fn in_order(&mut self, body: &'a [u8]) -> &'a [u8] {
        let mut rest = self.head_in_order(body);
        take(&mut rest, b"ppid=", &mut self.ppid);
        take(&mut rest, b"pid=", &mut self.pid);
        take(&mut rest, b"auid=", &mut self.auid);
        take(&mut rest, b"uid=", &mut self.uid);
        take(&mut rest, b"gid=", &mut self.gid);
        take(&mut rest, b"euid=", &mut self.euid);
        take(&mut rest, b"suid=", &mut self.suid);
        take(&mut rest, b"fsuid=", &mut self.fsuid);
        take(&mut rest, b"egid=", &mut self.egid);
        take(&mut rest, b"sgid=", &mut self.sgid);
        take(&mut rest, b"fsgid=", &mut self.fsgid);
        take(&mut rest, b"tty=", &mut self.tty);
        take(&mut rest, b"ses=", &mut self.ses);
        rest
    }

    #[inline]
    fn head_in_order(&mut self, body: &'a [u8]) -> &'a [u8] {
        let mut rest = body;
        take(&mut rest, b"arch=", &mut self.arch);
        take(&mut rest, b"syscall=", &mut self.syscall);
        take(&mut rest, b"success=", &mut self.success);
        take(&mut rest, b"exit=", &mut self.exit);
        take(&mut rest, b"a0=", &mut self.a0);
        take(&mut rest, b"a1=", &mut self.a1);
        take(&mut rest, b"a2=", &mut self.a2);
        take(&mut rest, b"a3=", &mut self.a3);
        take(&mut rest, b"items=", &mut self.items);
        rest
    }

    /// Puts a field that says something in its place, if it has one and that is free.
    #[inline]
    fn put(&mut self, field: Field<'a>) -> bool {
        let slot = match field.key {
            b"arch" => &mut self.arch,
            b"syscall" => &mut self.syscall,
            b"success" => &mut self.success,
            b"exit" => &mut self.exit,
            b"a0" => &mut self.a0,
            b"a1" => &mut self.a1,
            b"a2" => &mut self.a2,
            b"a3" => &mut self.a3,
            b"items" => &mut self.items,
            b"ppid" => &mut self.ppid,
            b"pid" => &mut self.pid,
            b"auid" => &mut self.auid,
            b"uid" => &mut self.uid,
            b"gid" => &mut self.gid,
            b"euid" => &mut self.euid,
            b"suid" => &mut self.suid,
            b"fsuid" => &mut self.fsuid,
            b"egid" => &mut self.egid,
            b"sgid" => &mut self.sgid,
            b"fsgid" => &mut self.fsgid,
            b"tty" => &mut self.tty,
            b"ses" => &mut self.ses,
            b"comm" => return first(&mut self.comm, field),
            b"exe" => return first(&mut self.exe, field),
            b"subj" => return first(&mut self.subj, field),
            b"key" => return first(&mut self.key, field),
            _ => return false,
        };
        if !slot.is_empty() || field.raw.is_empty() {
            return false;
        }
        *slot = field.raw;
        true
    }
}

#[inline]
fn first<'a>(slot: &mut Option<Field<'a>>, field: Field<'a>) -> bool {
    let free = slot.is_none();
    slot.get_or_insert(field);
    free
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] =
        b"arch=c000003e syscall=59 success=no exit=-13 a0=1 a1=2 a2=3 a3=4 items=1 ppid=5 pid=6 auid=7 \
        uid=8 gid=9 euid=10 suid=11 fsuid=12 egid=13 sgid=14 fsgid=15 tty=(none) ses=16 comm=6120 exe=\"/a\" \
        subj=u:r:t:s0-s0:c0.c1023 key=(null)";

    #[test]
    fn a_system_call_in_one_pass() {
        let call = Syscall::parse(BODY);
        let numbers = [
            call.a0, call.a1, call.a2, call.a3, call.items, call.ppid, call.pid, call.auid, call.uid,
            call.gid, call.euid, call.suid, call.fsuid, call.egid, call.sgid, call.fsgid, call.tty, call.ses,
        ];
        let expected = "1 2 3 4 1 5 6 7 8 9 10 11 12 13 14 15 (none) 16";
        assert!(numbers.iter().copied().eq(expected.split(' ').map(str::as_bytes)));
        assert_eq!((call.arch, call.syscall), (&b"c000003e"[..], &b"59"[..]));
        assert_eq!((call.success, call.exit), (&b"no"[..], &b"-13"[..]));
        assert_eq!(call.comm, Some(Field { key: b"comm", raw: b"6120", quoted: false }));
        assert_eq!(call.exe, Some(Field { key: b"exe", raw: b"/a", quoted: true }));
        assert_eq!(call.subj.map(|field| field.raw), Some(&b"u:r:t:s0-s0:c0.c1023"[..]));
        assert_eq!(call.key.map(|field| field.raw), Some(&b"(null)"[..]));
    }

    #[test]
    fn what_has_no_place_is_left_over() {
        assert_eq!(Syscall::parse_with_rest(BODY).1, b"");
        for odd in ["new=1", "comm=6120", "syscall=60", "a0="] {
            let body = [BODY, b" ", odd.as_bytes()].concat();
            assert!(Syscall::parse_with_rest(&body).1.ends_with(odd.as_bytes()), "{odd}");
        }
    }

    #[test]
    fn a_system_call_in_another_order_is_read_alike() {
        let mut fields: Vec<_> = BODY.split(|&byte| byte == b' ').collect();
        for _ in 0..fields.len() {
            fields.rotate_left(1);
            let body = fields.join(&b' ');
            assert_eq!(show_call(&Syscall::parse(&body)), show_call(&Syscall::parse(BODY)));
            assert_eq!(Syscall::parse_head(&body).items, b"1");
        }
        // Absent fields are absent, foreign ones are passed over, the first of two counts.
        let call =
            Syscall::parse(b"arch=c000003e syscall=1 per=8 items=2 items=3, comm=\"x\" comm=\"y\" new=1");
        assert_eq!(
            (call.arch, call.items, call.exit, call.pid),
            (&b"c000003e"[..], &b"2"[..], &b""[..], &b""[..])
        );
        assert_eq!(call.comm.map(|field| field.raw), Some(&b"x"[..]));
    }

    fn show_call(call: &Syscall<'_>) -> String {
        format!("{call:?}")
    }
}
