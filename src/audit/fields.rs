//! The `key=value` pairs of a record's body, in order, borrowed and undecoded.
//!
//! Trust: what stands before `msg='` was written by the kernel; what stands inside it was written by
//! a process. The two come from two iterators and are never mixed.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use memchr::{memchr, memrchr};

/// One `key=value` of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The key as it stands (`a0`, `a1[2]`, `old-auid`).
    pub key: &'a [u8],
    /// The value without its quotes, still encoded.
    pub raw: &'a [u8],
    /// Whether it stood in double quotes (then it is text, never hex).
    pub quoted: bool,
}

/// Iterator over the fields of a body, see [`kernel`], [`user`] and [`enriched`].
///
/// Words that are no `key=value` are passed over, except in two shapes that carry facts in them:
/// - SELinux' `avc:  denied  { read write } for …` gives `seresult` and `seperms`, the names that
///   libauparse has for them;
/// - the `old auid=… new auid=…` of LOGIN records before Linux 3.13 gives `old-auid` and `auid`, the keys
///   they have today (the same for `ses`).
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    /// What is left.
    rest: &'a [u8],
    /// Who wrote it: the two sides differ in what an unquoted value may hold.
    side: Side,
    /// The word without `=` that was passed over last.
    word: &'a [u8],
}

/// Most bytes that the permissions of an AVC may take: no more are looked through for the brace that ends
/// them. A class has at most 32.
const PERMISSIONS: usize = 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Kernel,
    User,
    Enriched,
}

/// The fields that the kernel wrote: everything up to `msg='`.
#[must_use]
pub fn kernel(body: &[u8]) -> Fields<'_> {
    Fields { rest: body, side: Side::Kernel, word: &[] }
}

/// The fields that a process wrote: the inside of `msg='…'`; empty where there is none.
///
/// An unquoted value goes on after a blank until the next key: in `op=changing password id=0` the value
/// of `op` is `changing password`.
#[must_use]
pub fn user(body: &[u8]) -> Fields<'_> {
    Fields { rest: message(body).unwrap_or_default(), side: Side::User, word: &[] }
}

/// The fields that auditd looked up for an ENRICHED log ([`Record::enriched`](super::Record::enriched));
/// a value in braces (`SADDR={ … }`) is given without them.
#[must_use]
pub fn enriched(text: &[u8]) -> Fields<'_> {
    Fields { rest: text, side: Side::Enriched, word: &[] }
}

/// The text of `msg='…'`, which a process wrote; `None` where there is none. A closing quote that is
/// absent (the record was cut short) is no fault.
#[must_use]
pub fn message(body: &[u8]) -> Option<&[u8]> {
    let inside = body.get(start_of_message(body)?..)?;
    let end = memrchr(b'\'', inside).unwrap_or(inside.len());
    inside.get(..end)
}

/// Where the text of `msg='…'` begins.
fn start_of_message(body: &[u8]) -> Option<usize> {
    const OPEN: &[u8] = b"msg='";
    static BEHIND: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b" msg='"));
    let start = if body.starts_with(OPEN) { 0 } else { BEHIND.find(body)? + 1 };
    Some(start + OPEN.len())
}

/// Whether a message begins and does not end: of `msg='…'` the closing quote is absent, which the kernel always writes
/// (`kernel/audit.c`, `audit_receive_msg`).
#[must_use]
pub fn is_cut_message(body: &[u8]) -> bool {
    // Mostly it is the last byte.
    let ends = body.strip_suffix(b"'").is_some_and(|before| !before.ends_with(b"msg="));
    !ends
        && start_of_message(body)
            .and_then(|start| body.get(start..))
            .is_some_and(|inside| !inside.contains(&b'\''))
}

/// The first field of a key among those that the kernel wrote.
#[must_use]
pub fn find<'a>(body: &'a [u8], key: &[u8]) -> Option<Field<'a>> {
    kernel(body).find(|field| field.key == key)
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Field<'a>> {
        loop {
            self.skip_separators();
            if self.rest.is_empty() {
                return None;
            }
            let end = first_of(self.rest, b'=', b' ');
            let (word, rest) = self.rest.split_at(end);
            match rest.split_first() {
                Some((b'=', value)) if !word.is_empty() => {
                    if word == b"msg" && self.side == Side::Kernel && value.first() == Some(&b'\'') {
                        self.rest = &[];
                        return None;
                    }
                    return Some(self.field(word, value));
                }
                _ => {
                    if let Some(field) = self.word(word, rest) {
                        return Some(field);
                    }
                }
            }
        }
    }
}

impl<'a> Fields<'a> {
    /// What has not been read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    #[inline]
    fn skip_separators(&mut self) {
        while let [b' ' | b',' | b'\t' | b'\n' | b'\r', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    /// A word without a value. The words of an SELinux AVC become fields.
    #[cold]
    fn word(&mut self, word: &'a [u8], rest: &'a [u8]) -> Option<Field<'a>> {
        let before = std::mem::replace(&mut self.word, word);
        // An empty word stands before a `=` without key: step over it.
        self.rest = if word.is_empty() { rest.get(1..).unwrap_or_default() } else { rest };
        match word {
            b"denied" | b"granted" if before == b"avc:" => {
                Some(Field { key: b"seresult", raw: word, quoted: false })
            }
            b"{" if matches!(before, b"denied" | b"granted") => {
                let end = memchr(b'}', rest.get(..PERMISSIONS).unwrap_or(rest))?;
                let (inside, rest) = rest.split_at(end);
                self.rest = rest.get(1..).unwrap_or_default();
                Some(Field { key: b"seperms", raw: inside.trim_ascii(), quoted: false })
            }
            _ => None,
        }
    }

    /// The field of `key`, whose value begins at `value`; leaves what follows it in `rest`.
    #[inline]
    fn field(&mut self, key: &'a [u8], value: &'a [u8]) -> Field<'a> {
        let key = self.whole_key(key);
        if let Some(inside) = value.strip_prefix(b"\"") {
            let end = memchr(b'"', inside).unwrap_or(inside.len());
            let (raw, rest) = inside.split_at(end);
            self.rest = rest.get(1..).unwrap_or_default();
            return Field { key, raw, quoted: true };
        }
        let end = match self.side {
            Side::Kernel => blank(value),
            Side::User => end_of_words(value),
            Side::Enriched if value.first() == Some(&b'{') => {
                memchr(b'}', value).map_or(value.len(), |at| at + 1)
            }
            Side::Enriched => blank(value),
        };
        let (raw, rest) = value.split_at(end);
        self.rest = rest;
        Field { key, raw: self.bare(raw), quoted: false }
    }

    /// The key as records have it today.
    #[inline]
    fn whole_key(&mut self, key: &'a [u8]) -> &'a [u8] {
        if self.word.is_empty() {
            return key.strip_prefix(b"(").unwrap_or(key);
        }
        match (std::mem::take(&mut self.word), key) {
            (b"old", b"auid") => b"old-auid",
            (b"old", b"ses") => b"old-ses",
            _ => key.strip_prefix(b"(").unwrap_or(key),
        }
    }

    /// An unquoted value without the punctuation of old shapes: `a=1, b=2`, `(addr=?, res=1)`, `{ … }`.
    #[inline]
    fn bare(&self, raw: &'a [u8]) -> &'a [u8] {
        match raw {
            [inside @ .., b','] => inside,
            [inside @ .., b')'] if memchr(b'(', inside).is_none() => inside,
            [b'{', inside @ .., b'}'] if self.side == Side::Enriched => inside.trim_ascii(),
            _ => raw,
        }
    }
}

#[inline]
fn blank(text: &[u8]) -> usize {
    first_of(text, b' ', b' ')
}

/// Where `one` or `other` stands first; the length where neither does. Keys and values are a few bytes
/// long, too short for the start of a vector search to pay: eight bytes are looked at in a word.
#[inline]
fn first_of(text: &[u8], one: u8, other: u8) -> usize {
    const LOW: u64 = u64::from_le_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_le_bytes([0x80; 8]);
    // The lowest bit that this sets is that of the first zero byte; above it there may be false ones.
    let zeros = |word: u64| word.wrapping_sub(LOW) & !word & HIGH;
    let (words, rest) = text.as_chunks::<8>();
    let mut at = 0;
    for word in words {
        let word = u64::from_le_bytes(*word);
        let found = zeros(word ^ (LOW * u64::from(one))) | zeros(word ^ (LOW * u64::from(other)));
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at + rest.iter().position(|&byte| byte == one || byte == other).unwrap_or(rest.len())
}

/// Where an unquoted value of a program ends: before the blank in front of the next key, or of a word
/// that does not go on with the text (a lone colon, a parenthesis).
fn end_of_words(text: &[u8]) -> usize {
    let mut end = blank(text);
    loop {
        let rest = text.get(end..).unwrap_or_default();
        let word = rest.trim_ascii_start();
        let begins = word.first().is_some_and(|b| b.is_ascii_alphanumeric() || *b >= 0x80);
        let length = blank(word);
        if !begins || word.get(..length).is_none_or(|word| memchr(b'=', word).is_some()) {
            return end;
        }
        end += rest.len() - word.len() + length;
    }
}

/// Takes `KEY=VALUE` from the front into `slot`, if `rest` begins with `key` (with its `=`) and the value
/// is a plain word. Records whose fields stand in the kernel's order are read so at a few instructions a
/// field; what is left over goes to [`kernel`].
#[inline]
pub(super) fn take<'a, const N: usize>(rest: &mut &'a [u8], key: &[u8; N], slot: &mut &'a [u8]) {
    let Some(value) = rest.strip_prefix(key) else { return };
    let end = blank(value);
    let (word, after) = value.split_at(end);
    // Anything that needs more than a blank to be told is left to the iterator.
    let ([b' ', after @ ..] | after @ []) = after else { return };
    let plain = match word {
        [first, .., last] => {
            let begins = first.is_ascii_alphanumeric() || *first == b'-';
            begins && !matches!(last, b',' | b')') || *first == b'(' && *last == b')'
        }
        [only] => only.is_ascii_alphanumeric(),
        [] => false,
    };
    if plain {
        (*slot, *rest) = (word, after);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show<'a>(fields: impl Iterator<Item = Field<'a>>) -> String {
        let show = |field: Field<'_>| {
            let quote = if field.quoted { "\"" } else { "" };
            format!("{}={quote}{}{quote}", field.key.escape_ascii(), field.raw.escape_ascii())
        };
        fields.map(show).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn quotes_decide_what_is_text() {
        let body = b"a0=\"x\" a1=DEADBEEF a2=\"\" a3=\"a b=c\" key=(null) x=";
        assert_eq!(show(kernel(body)), "a0=\"x\"|a1=DEADBEEF|a2=\"\"|a3=\"a b=c\"|key=(null)|x=");
    }

    #[test]
    fn the_kernels_fields_end_where_the_message_begins() {
        let body =
            b"pid=88 uid=0 subj=x msg='op=PAM:accounting pid=1 uid=\"9\" exe=\"/usr/bin/a b\" res=success'";
        assert_eq!(show(kernel(body)), "pid=88|uid=0|subj=x");
        assert_eq!(show(user(body)), "op=PAM:accounting|pid=1|uid=\"9\"|exe=\"/usr/bin/a b\"|res=success");
        assert_eq!(message(body).map(<[u8]>::len), Some(62));
        assert_eq!(show(user(b"pid=88 uid=0")), "");
        assert_eq!(show(user(b"msg='a=1'")), "a=1");
        for (body, cut) in [
            ("pid=1 msg='op=x res=succe", true),
            ("msg='", true),
            ("pid=1 msg='op=x res=success'", false),
            // What a log that was sent on has behind it, another form of the separator.
            ("pid=1 msg='op=x res=success'#035UID=\"root\"", false),
            ("pid=1 op=start res=success", false),
            ("", false),
        ] {
            assert_eq!(is_cut_message(body.as_bytes()), cut, "{body}");
        }
    }

    #[test]
    fn a_program_cannot_end_its_message_early() {
        let body = b"pid=88 msg='op=x acct=\"a' uid=0 msg='\" res=failed'";
        assert_eq!(show(kernel(body)), "pid=88");
        assert_eq!(show(user(body)), r#"op=x|acct="a\' uid=0 msg=\'"|res=failed"#);
    }

    #[test]
    fn a_value_of_a_program_goes_on_until_the_next_key() {
        let body = b"msg='op=changing password id=0 exe=\"/usr/bin/passwd\" hostname=? addr=? terminal=pts/0 res=success'";
        assert_eq!(
            show(user(body)),
            "op=changing password|id=0|exe=\"/usr/bin/passwd\"|hostname=?|addr=?|terminal=pts/0|res=success"
        );
        let body = b"msg='text=h1 user record 1916 exe=\"/usr/sbin/auditctl\" res=success'";
        assert_eq!(show(user(body)), "text=h1 user record 1916|exe=\"/usr/sbin/auditctl\"|res=success");
        assert_eq!(show(user(b"msg='op=adding user'")), "op=adding user");
    }

    #[test]
    fn old_shapes_with_commas_and_parentheses() {
        let body = b"msg='PAM: authentication acct=\"root\" : exe=\"/usr/sbin/sshd\" (hostname=10.0.0.1, addr=10.0.0.1, \
            terminal=ssh res=Success)'";
        assert_eq!(
            show(user(body)),
            "acct=\"root\"|exe=\"/usr/sbin/sshd\"|hostname=10.0.0.1|addr=10.0.0.1|terminal=ssh|res=Success"
        );
        assert_eq!(show(kernel(b"a=1,b=2, c=3")), "a=1,b=2|c=3");
        assert_eq!(
            show(user(b"msg='op=PAM:session_open grantors=pam_unix,pam_env acct=\"x\"'")),
            "op=PAM:session_open|grantors=pam_unix,pam_env|acct=\"x\""
        );
        let body = b"login pid=20053 uid=0 old auid=4294967295 new auid=500 old ses=4294967295 new ses=1165";
        assert_eq!(
            show(kernel(body)),
            "pid=20053|uid=0|old-auid=4294967295|auid=500|old-ses=4294967295|ses=1165"
        );
    }

    #[test]
    fn words_of_an_avc_become_fields() {
        let body = b"avc:  denied  { read write } for  pid=3540 comm=\"x\" tclass=file permissive=0";
        assert_eq!(
            show(kernel(body)),
            "seresult=denied|seperms=read write|pid=3540|comm=\"x\"|tclass=file|permissive=0"
        );
        let body =
            b"pid=1 msg='avc:  granted  { start } for auid=0 uid=0 path=\"/x y\" exe=\"/a\" hostname=?'";
        assert_eq!(
            show(user(body)),
            "seresult=granted|seperms=start|auid=0|uid=0|path=\"/x y\"|exe=\"/a\"|hostname=?"
        );
        assert_eq!(show(kernel(b"avc:  received setenforce notice (enforcing=0)")), "enforcing=0");
        assert_eq!(show(kernel(b"avc:  denied  { read")), "seresult=denied");
        // Only SELinux' own words.
        assert_eq!(show(kernel(b"denied a=1")), "a=1");
    }

    #[test]
    fn what_is_no_field_is_passed_over() {
        assert_eq!(show(kernel(b"")), "");
        assert_eq!(show(kernel(b"  word  =  == =x a=1 \" b=\"cut")), "a=1|b=\"cut\"");
        assert_eq!(show(kernel(b"a=b=c d")), "a=b=c");
        assert_eq!(show(kernel(b"{ { { } a=1")), "a=1");
    }

    #[test]
    fn looked_up_values_may_stand_in_braces() {
        let text = b"ARCH=x86_64 SYSCALL=connect AUID=\"carol\" SADDR={ saddr_fam=inet laddr=10.0.0.1 lport=80 } X=1";
        assert_eq!(
            show(enriched(text)),
            "ARCH=x86_64|SYSCALL=connect|AUID=\"carol\"|SADDR=saddr_fam=inet laddr=10.0.0.1 lport=80|X=1"
        );
    }

    #[test]
    fn finds_bytes_at_every_place() {
        for length in 0..40 {
            for at in 0..=length {
                let mut text = vec![0x80; length];
                if let Some(byte) = text.get_mut(at) {
                    *byte = b' ';
                }
                // Bytes that differ from a searched one in the lowest bit only must not be taken for it.
                for byte in text.iter_mut().skip(at + 1) {
                    *byte = b'!';
                }
                assert_eq!(first_of(&text, b'=', b' '), at.min(length), "{length} {at}");
                assert_eq!(blank(&text), at.min(length));
            }
        }
    }
}
