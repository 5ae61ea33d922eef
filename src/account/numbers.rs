//! Numbers as the C library reads them in account files.

/// A UID or GID as glibc's `nss_files` takes it (`nss/nss_files/files-parse.c`: strtoul(3) in base 10, cut to 32 bits):
/// blanks and a sign may stand before it, zeros too; nothing but its end may follow. None where glibc would
/// not take the line.
pub(crate) fn id(field: &[u8]) -> Option<u32> {
    let blanks = field.iter().take_while(|byte| is_space(**byte)).count();
    let rest = field.get(blanks..)?;
    let (negative, digits) = match rest.split_first() {
        Some((b'-', digits)) => (true, digits),
        Some((b'+', digits)) => (false, digits),
        _ => (false, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut value: Option<u64> = Some(0);
    for digit in digits {
        value = value.and_then(|v| v.checked_mul(10)?.checked_add(u64::from(digit - b'0')));
    }
    let value = match (value, negative) {
        (None, _) => u64::MAX,
        (Some(value), true) => value.wrapping_neg(),
        (Some(value), false) => value,
    };
    Some(u32::try_from(value).unwrap_or(u32::MAX))
}

/// isspace(3) of the C locale.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

/// A line as the C library sees it: up to a NUL, without blanks before it. None for a comment and for
/// nothing.
pub(crate) fn content(line: &[u8]) -> Option<&[u8]> {
    let end = line.iter().position(|byte| *byte == 0).unwrap_or(line.len());
    let line = line.get(..end)?;
    let blanks = line.iter().take_while(|byte| is_space(**byte)).count();
    line.get(blanks..).filter(|line| !line.is_empty() && !line.starts_with(b"#"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_the_c_library_reads_them() {
        for (text, expected) in [
            ("0", Some(0)),
            ("00", Some(0)),
            ("+0", Some(0)),
            ("-0", Some(0)),
            (" \t0", Some(0)),
            ("1001", Some(1001)),
            ("4294967295", Some(u32::MAX)),
            ("4294967296", Some(u32::MAX)),
            ("99999999999999999999999", Some(u32::MAX)),
            ("-18446744073709551616", Some(u32::MAX)),
            ("", None),
            ("+", None),
            ("0x0", None),
            ("0 ", None),
            ("- 0", None),
        ] {
            assert_eq!(id(text.as_bytes()), expected, "{text:?}");
        }
    }
}
