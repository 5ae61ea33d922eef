//! A command line as its words, near enough to how a shell takes it apart.

use std::ops::Range;

const OPERATORS: [char; 7] = ['|', ';', '&', '(', ')', '<', '>'];

/// Where the words are: between blanks, as far as those are not quoted, without the shell's `|`, `;`, `&`, `(`,
/// `)`, `<`, `>` at their ends: in the middle of a word they may be of a secret, since a line may be arguments
/// joined together that no shell ever saw. Quotes around a whole word are left out of it. A quote that is not
/// closed ends with the line.
pub(super) fn split(line: &str) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut start = None;
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        if quote.is_none() && !escaped && c.is_whitespace() {
            words.extend(start.take().and_then(|start| word(line, start..at)));
            continue;
        }
        start.get_or_insert(at);
        match (c, quote) {
            _ if escaped => escaped = false,
            ('\\', None | Some('"')) => escaped = true,
            ('\'' | '"', None) => quote = Some(c),
            (_, Some(open)) if c == open => quote = None,
            _ => {}
        }
    }
    words.extend(start.and_then(|start| word(line, start..line.len())));
    words
}

/// The word in what stands between blanks, if there is one.
fn word(line: &str, between: Range<usize>) -> Option<Range<usize>> {
    let text = line.get(between.clone())?;
    let start = between.end - text.trim_start_matches(OPERATORS).len();
    let end = between.start + text.trim_end_matches(OPERATORS).len();
    (start < end).then(|| unquoted(line, start..end))
}

/// Without the quotes around it.
fn unquoted(line: &str, word: Range<usize>) -> Range<usize> {
    let text = line.get(word.clone()).unwrap_or_default();
    let inner = ['"', '\''].into_iter().find_map(|quote| {
        let inner = text.strip_prefix(quote)?;
        Some(inner.strip_suffix(quote).unwrap_or(inner))
    });
    match inner {
        Some(inner) if !inner.contains(['"', '\'']) || inner.contains(char::is_whitespace) => {
            word.start + 1..word.start + 1 + inner.len()
        }
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<&str> {
        split(line).into_iter().map(|word| &line[word]).collect()
    }

    #[test]
    fn words_are_the_shells() {
        assert_eq!(words("  mysql -u root  -px db "), ["mysql", "-u", "root", "-px", "db"]);
        assert_eq!(words("(echo 'a b' | chpasswd; x >y) &"), ["echo", "a b", "chpasswd", "x", "y"]);
        assert_eq!(words(r#"a --b="c d" e\ f"#), ["a", r#"--b="c d""#, "e\\ f"]);
        assert_eq!(words("not 'closed here"), ["not", "closed here"]);
        assert_eq!(words("mysql -p&a;b db"), ["mysql", "-p&a;b", "db"]);
        assert_eq!(words(""), [""; 0]);
        assert_eq!(words("it\u{2003}is"), ["it", "is"]);
    }
}
