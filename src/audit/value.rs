//! Decoding of values: quoted text, hex, numbers, `?` and `(null)`, keys, titles, socket addresses.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::fields::Field;

/// The bytes of a field that the kernel encodes as "untrusted string" (comm, exe, cwd, name,
/// proctitle, key, aN of EXECVE): quoted text as it is, else hex; an unquoted value that is no hex
/// is taken as it is; `(null)` is absent.
///
/// The encoder is `audit_log_n_untrustedstring` in the kernel's `kernel/audit.c`. Only for fields that it
/// writes: nothing in the value tells, and `uid=1000` would be two bytes.
#[must_use]
pub fn untrusted<'a>(field: &Field<'a>) -> Option<Cow<'a, [u8]>> {
    if field.quoted {
        return Some(Cow::Borrowed(field.raw));
    }
    if field.raw == b"(null)" {
        return None;
    }
    let mut bytes = Vec::new();
    if !field.raw.is_empty() && hex_into(field.raw, &mut bytes) {
        return Some(Cow::Owned(bytes));
    }
    Some(Cow::Borrowed(field.raw))
}

/// Appends what [`untrusted`] gives to `into`; `false` (and nothing appended) where it is absent.
pub fn untrusted_into(field: &Field<'_>, into: &mut Vec<u8>) -> bool {
    if !field.quoted && field.raw == b"(null)" {
        return false;
    }
    if field.quoted || !hex_into(field.raw, into) {
        into.extend_from_slice(field.raw);
    }
    true
}

/// Whether nothing was known: unquoted `?` (programs, through libaudit) or `(null)` (the kernel).
#[must_use]
pub fn is_absent(field: &Field<'_>) -> bool {
    !field.quoted && matches!(field.raw, b"?" | b"(null)")
}

/// What a byte is as a hex digit; 0x10 and above: none.
const HEX: [u8; 256] = hex_table();

#[expect(clippy::indexing_slicing, reason = "computed and checked when compiled")]
#[expect(clippy::cast_possible_truncation, reason = "below 16")]
const fn hex_table() -> [u8; 256] {
    let mut table = [0x10; 256];
    let mut digit = 0;
    while digit < 16 {
        table[b"0123456789ABCDEF"[digit] as usize] = digit as u8;
        table[b"0123456789abcdef"[digit] as usize] = digit as u8;
        digit += 1;
    }
    table
}

#[inline]
fn digit(byte: u8) -> u8 {
    HEX.get(usize::from(byte)).copied().unwrap_or(0x10)
}

/// Decodes hex digits of either case and appends the bytes to `into`; `false` (and nothing appended)
/// when there is another character or a digit too few.
pub fn hex_into(digits: &[u8], into: &mut Vec<u8>) -> bool {
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return false;
    }
    let start = into.len();
    let mut seen = 0;
    into.extend(pairs.iter().map(|&[high, low]| {
        let (high, low) = (digit(high), digit(low));
        seen |= high | low;
        high << 4 | low
    }));
    if seen > 0xf {
        into.truncate(start);
        return false;
    }
    true
}

/// Decimal digits only, as the kernel writes ids and counts.
#[must_use]
pub fn unsigned(raw: &[u8]) -> Option<u64> {
    if raw.is_empty() {
        return None;
    }
    raw.iter().try_fold(0_u64, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 { None } else { value.checked_mul(10)?.checked_add(u64::from(digit)) }
    })
}

/// Decimal digits, maybe with a minus in front (`exit=-13`).
#[must_use]
pub fn signed(raw: &[u8]) -> Option<i64> {
    match raw.strip_prefix(b"-") {
        Some(rest) => 0_i64.checked_sub_unsigned(unsigned(rest)?),
        None => i64::try_from(unsigned(raw)?).ok(),
    }
}

/// Hex digits of either case without a prefix (`arch=c000003e`, `a0=ffffff9c`), or with `0x`.
#[must_use]
pub fn hexadecimal(raw: &[u8]) -> Option<u64> {
    let raw = raw.strip_prefix(b"0x").unwrap_or(raw);
    if raw.is_empty() || raw.len() > 16 {
        return None;
    }
    raw.iter().try_fold(0_u64, |value, &byte| {
        let digit = digit(byte);
        (digit < 0x10).then_some(value << 4 | u64::from(digit))
    })
}

/// Octal digits (`mode=0100755`).
#[must_use]
pub fn octal(raw: &[u8]) -> Option<u64> {
    if raw.is_empty() || raw.len() > 21 {
        return None;
    }
    raw.iter().try_fold(0_u64, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 8).then_some(value << 3 | u64::from(digit))
    })
}

/// The keys of kernel rules that a record carries.
///
/// Several keys of one rule (`-F key=a -F key=b`) stand in one value, joined by the byte 0x01
/// (`AUDIT_KEY_SEPARATOR` of libaudit), which makes the kernel encode the whole as hex.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys<'a>(Cow<'a, [u8]>);

impl<'a> Keys<'a> {
    /// The keys of a `key=` field; none for `(null)`.
    #[must_use]
    pub fn of(field: &Field<'a>) -> Self {
        Self(untrusted(field).unwrap_or_default())
    }

    /// Each key, in the rule's order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|&byte| byte == 1).filter(|key| !key.is_empty())
    }
}

/// The strings of a decoded process title, which NULs separate. The kernel copies at most 128 bytes,
/// so the last one may be cut.
pub fn title_strings(title: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut title = title;
    while let [rest @ .., 0] = title {
        title = rest;
    }
    let none = title.is_empty();
    title.split(|&byte| byte == 0).filter(move |_| !none)
}

/// The same as one line, joined by blanks; what is not UTF-8 is U+FFFD.
#[must_use]
pub fn title_line(title: &[u8]) -> String {
    let strings: Vec<_> = title_strings(title).map(String::from_utf8_lossy).collect();
    strings.join(" ")
}

/// A socket address, from `saddr=` of a SOCKADDR record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketAddress {
    /// `AF_UNIX` (1) with a path; empty for an unnamed socket.
    Unix(Vec<u8>),
    /// `AF_UNIX` (1), abstract: the name without the NUL in front (`unix(7)`).
    UnixAbstract(Vec<u8>),
    /// `AF_INET` (2).
    Inet {
        /// The address.
        address: Ipv4Addr,
        /// The port.
        port: u16,
    },
    /// `AF_INET6` (10).
    Inet6 {
        /// The address.
        address: Ipv6Addr,
        /// The port.
        port: u16,
        /// The scope id (interface index of a link-local address), 0 for none.
        scope: u32,
    },
    /// `AF_NETLINK` (16).
    Netlink {
        /// Port id, 0 for the kernel.
        port_id: u32,
        /// Multicast groups, a bit each.
        groups: u32,
    },
    /// Another family, or an address that is too short for its family.
    Other {
        /// The family's number (`AF_*`).
        family: u16,
    },
}

/// Decodes the hex of `saddr=`: the `struct sockaddr` as the process gave it. `None` when it is no hex
/// or holds no family.
#[must_use]
pub fn socket_address(raw: &[u8]) -> Option<SocketAddress> {
    let mut bytes = Vec::with_capacity(raw.len() / 2);
    if !hex_into(raw, &mut bytes) {
        return None;
    }
    let (family, rest) = bytes.split_first_chunk::<2>()?;
    // The family is in the byte order of the machine; no family has a number above 255.
    let little = u16::from_le_bytes(*family);
    let (family, swapped) = if little > 0xff { (u16::from_be_bytes(*family), true) } else { (little, false) };
    let word =
        |bytes: &[u8; 4]| if swapped { u32::from_be_bytes(*bytes) } else { u32::from_le_bytes(*bytes) };
    Some(known_address(family, rest, word).unwrap_or(SocketAddress::Other { family }))
}

fn known_address(family: u16, rest: &[u8], word: impl Fn(&[u8; 4]) -> u32) -> Option<SocketAddress> {
    match family {
        1 => Some(unix_address(rest)),
        2 => {
            let (port, rest) = rest.split_first_chunk::<2>()?;
            let address = Ipv4Addr::from(*rest.first_chunk::<4>()?);
            Some(SocketAddress::Inet { address, port: u16::from_be_bytes(*port) })
        }
        10 => {
            let (port, rest) = rest.split_first_chunk::<2>()?;
            let (_flow, rest) = rest.split_first_chunk::<4>()?;
            let (address, rest) = rest.split_first_chunk::<16>()?;
            let scope = rest.first_chunk::<4>().map_or(0, &word);
            Some(SocketAddress::Inet6 {
                address: Ipv6Addr::from(*address),
                port: u16::from_be_bytes(*port),
                scope,
            })
        }
        16 => {
            let (_pad, rest) = rest.split_first_chunk::<2>()?;
            let (port_id, rest) = rest.split_first_chunk::<4>()?;
            Some(SocketAddress::Netlink { port_id: word(port_id), groups: word(rest.first_chunk::<4>()?) })
        }
        _ => None,
    }
}

fn unix_address(path: &[u8]) -> SocketAddress {
    match path.split_first() {
        Some((0, name)) if name.iter().any(|&byte| byte != 0) => SocketAddress::UnixAbstract(name.to_vec()),
        _ => SocketAddress::Unix(path.split(|&byte| byte == 0).next().unwrap_or_default().to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(raw: &str, quoted: bool) -> Field<'_> {
        Field { key: b"x", raw: raw.as_bytes(), quoted }
    }

    #[test]
    fn untrusted_strings() {
        let cases = [
            (field("/bin/sh", true), Some(&b"/bin/sh"[..])),
            (field("DEADBEEF", true), Some(b"DEADBEEF")),
            (field("(null)", true), Some(b"(null)")),
            (field("", true), Some(b"")),
            (field("2F62696E2F612062", false), Some(b"/bin/a b")),
            (field("2f62", false), Some(b"/b")),
            (field("00FF", false), Some(b"\x00\xff")),
            (field("(null)", false), None),
            (field("", false), Some(b"")),
            (field("ABC", false), Some(b"ABC")),
            (field("XY", false), Some(b"XY")),
            (field("?", false), Some(b"?")),
        ];
        for (field, expected) in cases {
            assert_eq!(untrusted(&field).as_deref(), expected, "{field:?}");
            let mut into = b"before".to_vec();
            assert_eq!(untrusted_into(&field, &mut into), expected.is_some());
            assert_eq!(into, [b"before", expected.unwrap_or_default()].concat());
        }
        assert!(is_absent(&field("?", false)) && is_absent(&field("(null)", false)));
        assert!(!is_absent(&field("?", true)) && !is_absent(&field("", false)));
    }

    #[test]
    fn numbers() {
        assert_eq!(unsigned(b"4294967295"), Some(4_294_967_295));
        assert_eq!(unsigned(b"18446744073709551615"), Some(u64::MAX));
        for wrong in [&b""[..], b"18446744073709551616", b"-1", b"1 ", b"0x1", b"a"] {
            assert_eq!(unsigned(wrong), None);
        }
        assert_eq!(signed(b"-13"), Some(-13));
        assert_eq!(signed(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(signed(b"9223372036854775807"), Some(i64::MAX));
        assert_eq!((signed(b"9223372036854775808"), signed(b"-"), signed(b"--1")), (None, None, None));
        assert_eq!(hexadecimal(b"c000003e"), Some(0xc000_003e));
        assert_eq!(hexadecimal(b"0x7F"), Some(0x7f));
        assert_eq!(hexadecimal(b"ffffffffffffffff"), Some(u64::MAX));
        assert_eq!(
            (hexadecimal(b""), hexadecimal(b"0x"), hexadecimal(b"10000000000000000"), hexadecimal(b"g")),
            (None, None, None, None)
        );
        assert_eq!(octal(b"0100755"), Some(0o100_755));
        assert_eq!((octal(b"8"), octal(b"")), (None, None));
    }

    #[test]
    fn keys_of_a_rule() {
        let keys = |raw, quoted| -> Vec<String> {
            Keys::of(&field(raw, quoted)).iter().map(|key| key.escape_ascii().to_string()).collect()
        };
        assert_eq!(keys("743170726F6265017365636F6E64206B6579", false), ["t1probe", "second key"]);
        assert_eq!(keys("exec", true), ["exec"]);
        assert_eq!(keys("(null)", false), [""; 0]);
    }

    #[test]
    fn strings_of_a_title() {
        let strings = |title: &'static [u8]| title_strings(title).collect::<Vec<_>>();
        assert_eq!(strings(b"a\0-b\0\0c d\0"), [&b"a"[..], b"-b", b"", b"c d"]);
        assert_eq!(strings(b"one"), [b"one"]);
        assert_eq!(strings(b"\0\0"), [b""; 0]);
    }

    #[test]
    fn socket_addresses() {
        use SocketAddress as S;
        let unix = |path: &str| Some(S::Unix(path.as_bytes().to_vec()));
        let cases = [
            (
                "02000050C0A80001000000000000000000",
                Some(S::Inet { address: [192, 168, 0, 1].into(), port: 80 }),
            ),
            (
                "0A0001BB00000000200100000000000000000000000000010200000000",
                Some(S::Inet6 { address: "2001::1".parse().unwrap(), port: 443, scope: 2 }),
            ),
            ("01002F746D702F7300ABCD", unix("/tmp/s")),
            ("01002F746D702F73", unix("/tmp/s")),
            ("0100", unix("")),
            ("010000000000", unix("")),
            ("0100006162", Some(S::UnixAbstract(b"ab".to_vec()))),
            ("100000000000000000000000", Some(S::Netlink { port_id: 0, groups: 0 })),
            ("10000000D204000001000000", Some(S::Netlink { port_id: 1234, groups: 1 })),
            // Of a big-endian machine.
            ("00100000000004D200000001", Some(S::Netlink { port_id: 1234, groups: 1 })),
            ("00020050C0A80001", Some(S::Inet { address: [192, 168, 0, 1].into(), port: 80 })),
            ("0200", Some(S::Other { family: 2 })),
            ("0A00", Some(S::Other { family: 10 })),
            ("1100", Some(S::Other { family: 17 })),
            ("02", None),
            ("0", None),
            ("xx", None),
            ("", None),
        ];
        for (raw, expected) in cases {
            assert_eq!(socket_address(raw.as_bytes()), expected, "{raw}");
        }
    }
}
