//! The PATH record: one of the files that a system call was about.

use super::fields::{Field, kernel, take};

/// The fields of a PATH record (`kernel/auditsc.c`, `audit_log_name`) that stand at its front in the
/// kernel's order, found in one pass. One that does not is empty, or `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Path<'a> {
    /// Which of the call's PATH records this is, from 0.
    pub item: &'a [u8],
    /// The name as the process gave it, encoded; `(null)` for none.
    pub name: Option<Field<'a>>,
    /// Number of the inode.
    pub inode: &'a [u8],
    /// Its device, `MAJOR:MINOR` in hex.
    pub dev: &'a [u8],
    /// Type and permissions, octal.
    pub mode: &'a [u8],
    /// Owner.
    pub ouid: &'a [u8],
    /// Group of the owner.
    pub ogid: &'a [u8],
    /// Device of a device file, `MAJOR:MINOR` in hex.
    pub rdev: &'a [u8],
    /// Security label.
    pub obj: &'a [u8],
    /// What the call did with it: `NORMAL`, `PARENT`, `CREATE`, `DELETE`, `UNKNOWN`.
    pub nametype: &'a [u8],
    /// Capabilities of the file: permitted, hex.
    pub cap_fp: &'a [u8],
    /// Inheritable, hex.
    pub cap_fi: &'a [u8],
    /// Whether they are effective.
    pub cap_fe: &'a [u8],
    /// Version.
    pub cap_fver: &'a [u8],
    /// Uid of root in the user namespace that they are of.
    pub cap_frootid: &'a [u8],
}

impl<'a> Path<'a> {
    /// Reads the front of the body of a PATH record; beside it what follows, for [`kernel`].
    #[must_use]
    pub fn parse_with_rest(body: &'a [u8]) -> (Self, &'a [u8]) {
        let (mut path, mut rest) = Self::parse_head(body);
        path.take_file(&mut rest);
        (path, rest)
    }

    /// Reads which record it is, the name and the number of the inode; beside it what follows, for
    /// [`Path::parse_file`].
    #[must_use]
    pub fn parse_head(body: &'a [u8]) -> (Self, &'a [u8]) {
        let mut path = Self::default();
        let mut rest = body;
        take(&mut rest, b"item=", &mut path.item);
        if rest.starts_with(b"name=") {
            let mut fields = kernel(rest);
            path.name = fields.next();
            rest = fields.rest().trim_ascii_start();
        }
        take(&mut rest, b"inode=", &mut path.inode);
        (path, rest)
    }

    /// Reads what stands behind the inode's number; many files have all of it alike.
    #[must_use]
    pub fn parse_file(text: &'a [u8]) -> (Self, &'a [u8]) {
        let (mut path, mut rest) = (Self::default(), text);
        path.take_file(&mut rest);
        (path, rest)
    }

    #[inline]
    fn take_file(&mut self, rest: &mut &'a [u8]) {
        take(rest, b"dev=", &mut self.dev);
        take(rest, b"mode=", &mut self.mode);
        take(rest, b"ouid=", &mut self.ouid);
        take(rest, b"ogid=", &mut self.ogid);
        take(rest, b"rdev=", &mut self.rdev);
        take(rest, b"obj=", &mut self.obj);
        take(rest, b"nametype=", &mut self.nametype);
        take(rest, b"cap_fp=", &mut self.cap_fp);
        take(rest, b"cap_fi=", &mut self.cap_fi);
        take(rest, b"cap_fe=", &mut self.cap_fe);
        take(rest, b"cap_fver=", &mut self.cap_fver);
        take(rest, b"cap_frootid=", &mut self.cap_frootid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"item=1 name=\"/tmp/a b\" inode=7 dev=fe:00 mode=0100755 ouid=1 ogid=2 rdev=00:00 \
        obj=u:r:t:s0-s0:c0.c1 nametype=CREATE cap_fp=a cap_fi=b cap_fe=1 cap_fver=2 cap_frootid=3";

    fn texts<'a>(path: &Path<'a>) -> [&'a [u8]; 14] {
        [
            path.item,
            path.inode,
            path.dev,
            path.mode,
            path.ouid,
            path.ogid,
            path.rdev,
            path.obj,
            path.nametype,
            path.cap_fp,
            path.cap_fi,
            path.cap_fe,
            path.cap_fver,
            path.cap_frootid,
        ]
    }

    #[test]
    fn a_path_in_the_kernels_order() {
        let (path, rest) = Path::parse_with_rest(BODY);
        assert_eq!(path.name.map(|name| name.raw), Some(&b"/tmp/a b"[..]));
        let expected = "1 7 fe:00 0100755 1 2 00:00 u:r:t:s0-s0:c0.c1 CREATE a b 1 2 3";
        assert!(texts(&path).iter().copied().eq(expected.split(' ').map(str::as_bytes)));
        assert_eq!(rest, b"");
    }

    #[test]
    fn in_any_other_order_nothing_is_lost() {
        // The blank inside the name is no end of a field here.
        let body = BODY.escape_ascii().to_string().replace("\\\"", "\"").replace("a b", "ab");
        let mut fields: Vec<_> = body.split(' ').collect();
        for _ in 0..fields.len() {
            fields.rotate_left(1);
            let body = fields.join(" ");
            let (path, rest) = Path::parse_with_rest(body.as_bytes());
            let taken = fields.len() - kernel(rest).count();
            let count = texts(&path).iter().filter(|value| !value.is_empty()).count();
            assert_eq!(count + usize::from(path.name.is_some()), taken, "{body}");
        }
    }
}
