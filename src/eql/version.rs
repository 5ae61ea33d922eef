//! The order of software versions, as Elasticsearch's version fields have it.
//!
//! Numbers separated by dots, then perhaps `-` and a pre-release, then perhaps `+` and a build. Numbers
//! compare as numbers, a pre-release comes before its release, the build counts last. What is no
//! version comes after all that are, by its bytes.

use std::cmp::Ordering;

/// The parts of a version.
struct Parts<'a> {
    main: &'a [u8],
    pre: Option<&'a [u8]>,
    build: Option<&'a [u8]>,
}

/// Compares two versions.
pub(crate) fn compare(left: &[u8], right: &[u8]) -> Ordering {
    match (parts(left), parts(right)) {
        (Some(l), Some(r)) => identifiers(l.main, r.main)
            .then_with(|| match (l.pre, r.pre) {
                (None, None) => Ordering::Equal,
                (None, Some(_)) => Ordering::Greater,
                (Some(_), None) => Ordering::Less,
                (Some(l), Some(r)) => identifiers(l, r),
            })
            .then_with(|| l.build.cmp(&r.build)),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => left.cmp(right),
    }
}

fn parts(version: &[u8]) -> Option<Parts<'_>> {
    let split = |text: &'_ [u8], at: u8| text.iter().position(|b| *b == at);
    let (rest, build) = match split(version, b'+') {
        Some(at) => (&version[..at], Some(&version[at + 1..])),
        None => (version, None),
    };
    let (main, pre) = match split(rest, b'-') {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    };
    // As in Semantic Versioning: without zeros before it (Elasticsearch's `VersionEncoder`).
    let number = |part: &[u8]| {
        part.iter().all(u8::is_ascii_digit)
            && (part == b"0" || part.first().is_some_and(|digit| *digit != b'0'))
    };
    let word = |part: &[u8]| !part.is_empty() && part.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-');
    let of_pre = |part: &[u8]| word(part) && (!part.iter().all(u8::is_ascii_digit) || number(part));
    let valid = main.split(|b| *b == b'.').all(number)
        && pre.is_none_or(|text| text.split(|b| *b == b'.').all(of_pre))
        && build.is_none_or(|text| text.split(|b| *b == b'.').all(word));
    valid.then_some(Parts { main, pre, build })
}

/// Part by part: numbers as numbers and before words.
fn identifiers(left: &[u8], right: &[u8]) -> Ordering {
    let (mut left, mut right) = (left.split(|b| *b == b'.'), right.split(|b| *b == b'.'));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(l), Some(r)) => identifier(l, r),
        };
        if order.is_ne() {
            return order;
        }
    }
}

fn identifier(left: &[u8], right: &[u8]) -> Ordering {
    let number = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    match (number(left), number(right)) {
        (true, true) => {
            let trim = |part: &'_ [u8]| part.iter().take_while(|b| **b == b'0').count();
            let (l, r) = (&left[trim(left)..], &right[trim(right)..]);
            l.len().cmp(&r.len()).then_with(|| l.cmp(r))
        }
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => left.cmp(right),
    }
}

#[cfg(test)]
mod tests {
    use super::compare;

    #[test]
    fn in_order() {
        let sorted = [
            "1",
            "1.0",
            "1.2.4-1",
            "1.2.4-2",
            "1.2.4-11",
            "1.2.4-SNAPSHOT",
            "1.2.4-a",
            "1.2.4",
            "1.2.4+b",
            "1.5.0",
            "1.11.3",
            "2.0",
            "",
            "01.0.0",
            "1.0.0-01",
            "1.00",
            "bad",
            "v1.0",
        ];
        for pair in sorted.windows(2) {
            assert!(compare(pair[0].as_bytes(), pair[1].as_bytes()).is_lt(), "{pair:?}");
        }
    }
}
