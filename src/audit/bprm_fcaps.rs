//! The BPRM_FCAPS record: the capabilities of a program that was started and of its process.

use super::fields::take;

/// The fields of a BPRM_FCAPS record (`kernel/auditsc.c`, `show_special`) that stand at its front in the
/// kernel's order, found in one pass. One that does not is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BprmFcaps<'a> {
    /// Version of the file's capabilities, and of the file: permitted, inheritable, effective.
    pub file: [&'a [u8]; 4],
    /// The process before: permitted, inheritable, effective, ambient; each a set in hex.
    pub old: [&'a [u8]; 4],
    /// The process now.
    pub new: [&'a [u8]; 4],
    /// Uid of root in the user namespace that the file's are of.
    pub frootid: &'a [u8],
}

impl<'a> BprmFcaps<'a> {
    /// Reads the front of the body of a BPRM_FCAPS record; beside it what follows, for
    /// [`kernel`](super::fields::kernel).
    #[must_use]
    pub fn parse_with_rest(body: &'a [u8]) -> (Self, &'a [u8]) {
        let mut all = Self::default();
        let mut rest = body;
        let [fver, fp, fi, fe] = &mut all.file;
        take(&mut rest, b"fver=", fver);
        take(&mut rest, b"fp=", fp);
        take(&mut rest, b"fi=", fi);
        take(&mut rest, b"fe=", fe);
        let [old_pp, old_pi, old_pe, old_pa] = &mut all.old;
        take(&mut rest, b"old_pp=", old_pp);
        take(&mut rest, b"old_pi=", old_pi);
        take(&mut rest, b"old_pe=", old_pe);
        take(&mut rest, b"old_pa=", old_pa);
        let [pp, pi, pe, pa] = &mut all.new;
        take(&mut rest, b"pp=", pp);
        take(&mut rest, b"pi=", pi);
        take(&mut rest, b"pe=", pe);
        take(&mut rest, b"pa=", pa);
        take(&mut rest, b"frootid=", &mut all.frootid);
        (all, rest)
    }

    /// What the process may do after the exec: the set as hex digits.
    #[must_use]
    pub fn permitted(&self) -> &'a [u8] {
        self.new[0]
    }

    /// What of it is effective: the set as hex digits.
    #[must_use]
    pub fn effective(&self) -> &'a [u8] {
        self.new[2]
    }

    /// Keys and values, sorted by key; a field that the front of the record lacks is empty.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &'a [u8])> + use<'a> {
        let [fver, fp, fi, fe] = self.file;
        let ([old_pp, old_pi, old_pe, old_pa], [pp, pi, pe, pa]) = (self.old, self.new);
        [
            ("fe", fe),
            ("fi", fi),
            ("fp", fp),
            ("frootid", self.frootid),
            ("fver", fver),
            ("old_pa", old_pa),
            ("old_pe", old_pe),
            ("old_pi", old_pi),
            ("old_pp", old_pp),
            ("pa", pa),
            ("pe", pe),
            ("pi", pi),
            ("pp", pp),
        ]
        .into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::fields::kernel;

    const BODY: &str =
        "fver=0 fp=1 fi=2 fe=3 old_pp=4 old_pi=5 old_pe=6 old_pa=7 pp=8 pi=9 pe=a pa=b frootid=c";

    #[test]
    fn capabilities_in_the_kernels_order() {
        let (all, rest) = BprmFcaps::parse_with_rest(BODY.as_bytes());
        assert_eq!(rest, b"");
        assert_eq!((all.permitted(), all.effective()), (&b"8"[..], &b"a"[..]));
        let back: Vec<_> =
            all.fields().map(|(key, value)| format!("{key}={}", value.escape_ascii())).collect();
        let mut expected: Vec<_> = BODY.split(' ').collect();
        expected.sort_unstable();
        assert_eq!(back, expected);
    }

    #[test]
    fn in_any_other_order_nothing_is_lost() {
        let mut fields: Vec<_> = BODY.split(' ').collect();
        for _ in 0..fields.len() {
            fields.rotate_left(1);
            let body = fields.join(" ");
            let (all, rest) = BprmFcaps::parse_with_rest(body.as_bytes());
            let taken = all.fields().filter(|(_, value)| !value.is_empty()).count();
            assert_eq!(taken + kernel(rest).count(), fields.len(), "{body}");
        }
    }
}
