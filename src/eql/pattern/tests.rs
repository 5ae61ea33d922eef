use proptest::prelude::*;

use super::super::text::char_len;
use super::{Pattern, PatternSet};

fn set(patterns: &[&str], insensitive: bool) -> PatternSet {
    PatternSet::new(patterns.iter().map(|p| Pattern::wildcard(p.as_bytes())), insensitive)
}

/// The definition, with all the going back that the compiled form avoids.
fn naive(pattern: &[u8], text: &[u8], insensitive: bool) -> bool {
    match pattern.first() {
        None => text.is_empty(),
        Some(b'*') => (0..=text.len()).any(|skip| naive(&pattern[1..], &text[skip..], insensitive)),
        Some(b'?') => !text.is_empty() && naive(&pattern[1..], &text[char_len(text, 0)..], insensitive),
        Some(wanted) => text.first().is_some_and(|found| {
            (found == wanted || insensitive && found.eq_ignore_ascii_case(wanted))
                && naive(&pattern[1..], &text[1..], insensitive)
        }),
    }
}

#[test]
fn classes() {
    let long: Vec<String> = (0..300).map(|i| format!("/opt/tool{i}/*/bin?/x{i}*")).collect();
    let long: Vec<&str> = long.iter().map(String::as_str).collect();
    assert!(set(&long, false).is_match(b"/opt/tool299/a/b/bin1/x299"));
    assert!(!set(&long, false).is_match(b"/opt/tool299/a/b/bin1/x298"));
    assert!(set(&long, true).is_match(b"/OPT/TOOL7/a/BIN_/X7yyy"));
    let exact = ["a", "b", "c", "d", "e", "F"];
    assert!(set(&exact, true).is_match(b"f") && !set(&exact, false).is_match(b"f"));
    assert!(set(&["x", "*.sh", "*.py"], false).is_match(b"/tmp/a.sh"));
    assert!(set(&["/tmp/*", "/tmp/a*", "/dev/shm/*"], true).is_match(b"/TMP/"));
    assert!(set(&["*"], false).is_match(b"") && !set(&["?*"], false).is_match(b""));
    assert!(!set(&[], false).is_match(b""));
}

#[test]
fn one_character_may_be_several_bytes_or_a_wrong_one() {
    for text in ["aéb".as_bytes(), b"a\xffb", "a😀b".as_bytes()] {
        assert!(set(&["a?b"], false).is_match(text));
        assert!(set(&["*?b"], false).is_match(text));
        assert!(!set(&["a??b"], false).is_match(text));
    }
    assert!(set(&["a*b"], false).is_match(b"a\n\0b"));
}

proptest! {
    #[test]
    fn as_defined(
        patterns in prop::collection::vec("[aAb?*é]{0,6}", 1..12),
        text in prop_oneof![
            "[aAbB]{0,8}".prop_map(String::into_bytes),
            prop::collection::vec(prop::sample::select(b"aAb\xc3\xa9\xff".to_vec()), 0..8),
        ],
        insensitive: bool,
    ) {
        let expected = patterns.iter().any(|p| naive(p.as_bytes(), &text, insensitive));
        let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let set = set(&patterns, insensitive);
        prop_assert_eq!(set.is_match(&text), expected);
        if let super::Inner::Many(many) = &set.inner {
            prop_assert_eq!(many.is_match_of_each(&text), many.is_match(&text));
        }
    }
}
