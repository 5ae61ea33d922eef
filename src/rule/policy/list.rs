//! Named lists of values: `/etc/auditward/lists.d/*.toml`, used in conditions as `$name`.
//!
//! `$` begins no word of EQL, so a name can be taken for nothing else. It is put in as text, before the
//! query is read: `process.name in $shells` becomes `process.name in ("sh", "bash")`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Label, Level, Source, Span, codes};
use crate::toml_file::{Table, nearest, span};

/// A named list.
#[derive(Clone, Debug)]
pub struct List {
    /// What it is for.
    pub description: String,
    /// Its values, at least one.
    pub values: Vec<String>,
    /// The file that it stands in.
    pub source: Arc<Source>,
}

/// All lists, by name.
pub type Lists = BTreeMap<String, List>;

/// Reads one `[[list]]`.
pub(super) fn read(table: Table<'_>, lists: &mut Lists) {
    let faults = table.faults();
    let name = table.required_text("name");
    let description = table.text("description").map(|text| text.value.into_owned()).unwrap_or_default();
    let values: Vec<String> = table.texts("values").into_iter().map(|text| text.value.into_owned()).collect();
    if values.is_empty() {
        let place = table.place("values").unwrap_or(table.span());
        faults.value("a list holds at least one text", place, "write `values = [\"first\", \"second\"]`");
    }
    table.done();
    let Some(name) = name else { return };
    if !name.value.chars().all(is_name) {
        return faults.value("that cannot be the name of a list", name.span, "write letters, digits and _");
    }
    if let Some(first) = lists.get(name.value.as_ref()) {
        let title = format!("there is a list of this name in {}", first.source.name.display());
        return faults.value(title, name.span, "give it another name");
    }
    if !values.is_empty() {
        let list = List { description, values, source: Arc::clone(faults.source()) };
        lists.insert(name.value.into_owned(), list);
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// A query with its lists put in.
#[derive(Debug)]
pub(crate) struct Expanded {
    /// The query itself where it names no list.
    pub(crate) text: Arc<Source>,
    /// What was put in: where it stands in `text`, and where its name stood.
    put_in: Vec<(Range<usize>, Range<usize>)>,
}

/// Puts the lists into `source`.
///
/// # Errors
/// Names that are no list's, each with its place.
pub(crate) fn expand(source: &Arc<Source>, lists: &Lists) -> Result<Expanded, Vec<Diagnostic>> {
    let text = source.text.as_str();
    if !text.contains('$') {
        return Ok(Expanded { text: Arc::clone(source), put_in: Vec::new() });
    }
    let mut expanded = String::with_capacity(text.len());
    let mut put_in = Vec::new();
    let mut faults = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if let Some(name) = rest.strip_prefix('$') {
            let length = name.find(|c| !is_name(c)).unwrap_or(name.len());
            let name = name.get(..length).unwrap_or_default();
            let place = at..at + 1 + length;
            let start = expanded.len();
            match lists.get(name) {
                Some(list) => push_list(&mut expanded, &list.values),
                None => faults.push(no_such_list(name, source, &place, lists)),
            }
            put_in.push((start..expanded.len(), place.clone()));
            at = place.end;
        } else {
            let length = whole(rest);
            expanded.push_str(rest.get(..length).unwrap_or(rest));
            at += length;
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(Expanded { text: Arc::new(Source { name: source.name.clone(), text: expanded }), put_in })
}

/// The length of the string, quoted name or comment that `text` begins with, or of what stands before the next.
fn whole(text: &str) -> usize {
    let until = |open: usize, close: &str| {
        text.get(open..).and_then(|rest| rest.find(close)).map_or(text.len(), |at| open + at + close.len())
    };
    if text.starts_with(r#"""""#) {
        return until(3, r#"""""#);
    }
    if text.starts_with("/*") {
        return until(2, "*/");
    }
    if text.starts_with("//") {
        return until(2, "\n");
    }
    match text.chars().next() {
        Some('`') => until(1, "`"),
        Some('"') => string_end(text),
        first => {
            let first = first.map_or(1, char::len_utf8);
            let next = text.get(first..).and_then(|rest| rest.find(['$', '"', '`', '/']));
            next.map_or(text.len(), |next| first + next)
        }
    }
}

fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The values as a list of EQL.
fn push_list(out: &mut String, values: &[String]) {
    out.push('(');
    for (number, value) in values.iter().enumerate() {
        out.push_str(if number > 0 { ", " } else { "" });
        push_literal(out, value);
    }
    out.push(')');
}

impl Expanded {
    /// `fault`, found in the expanded text, with its places in `source`.
    pub(crate) fn back(&self, fault: Diagnostic, source: &Arc<Source>) -> Diagnostic {
        let label = |label: Label| Label { span: self.original(label.span), text: label.text };
        Diagnostic {
            source: Some(Arc::clone(source)),
            primary: fault.primary.map(label),
            context: fault.context.into_iter().map(label).collect(),
            ..fault
        }
    }

    fn original(&self, place: Span) -> Span {
        let before = |offset: u32, end: bool| {
            let offset = offset as usize;
            let mut moved = offset;
            for (new, old) in &self.put_in {
                if offset >= new.end {
                    moved = offset - new.end + old.end;
                } else if offset > new.start {
                    return if end { old.end } else { old.start };
                }
            }
            moved
        };
        span(before(place.start, false)..before(place.end, true))
    }
}

/// `value` as a string of EQL.
pub(crate) fn push_literal(out: &mut String, value: &str) {
    out.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

fn no_such_list(name: &str, source: &Arc<Source>, place: &Range<usize>, lists: &Lists) -> Diagnostic {
    let names: Vec<&str> = lists.keys().map(String::as_str).collect();
    let help = match nearest(name, &names) {
        Some(near) => format!("did you mean ${near}?"),
        None => "name it in a file of lists.d: [[list]] with name and values".to_owned(),
    };
    Diagnostic {
        code: codes::RULE_UNKNOWN_LIST,
        level: Level::Error,
        title: format!("there is no list ${name}"),
        source: Some(Arc::clone(source)),
        primary: Some(Label { span: span(place.clone()), text: String::new() }),
        context: Vec::new(),
        help: Some(help),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists() -> Lists {
        let source = Arc::new(Source { name: "l.toml".into(), text: String::new() });
        let list = |values: &[&str]| List {
            description: String::new(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
            source: Arc::clone(&source),
        };
        Lists::from([("shells".to_owned(), list(&["sh", "a\"b\\"])), ("one".to_owned(), list(&["1"]))])
    }

    fn expanded(text: &str) -> Result<Expanded, Vec<Diagnostic>> {
        expand(&Arc::new(Source { name: "q".into(), text: text.to_owned() }), &lists())
    }

    #[test]
    fn names_stand_for_their_values() {
        let text = expanded("x in $shells and y : $one").expect("lists").text;
        assert_eq!(text.text, r#"x in ("sh", "a\"b\\") and y : ("1")"#);
    }

    #[test]
    fn a_dollar_in_strings_names_and_comments_is_left_alone() {
        let text = r#"x == "$one\"$one" and y == """$one" $one""" and `$one` == 1 // $one
            /* $one */"#;
        assert_eq!(expanded(text).expect("no list is named").text.text, text);
    }

    #[test]
    fn an_unknown_name_is_told_with_its_place() {
        let faults = expanded("x in $shell").expect_err("no such list");
        assert_eq!(faults[0].title, "there is no list $shell");
        assert_eq!(faults[0].help.as_deref(), Some("did you mean $shells?"));
        assert_eq!(faults[0].primary.as_ref().map(|label| label.span), Some(Span { start: 5, end: 11 }));
    }

    #[test]
    fn places_behind_a_list_are_those_of_the_text() {
        let text = "x in $shells and yy == 1";
        let expanded = expanded(text).expect("lists");
        let at = expanded.text.text.find("yy").expect("yy");
        let place = expanded.original(span(at..at + 2));
        assert_eq!(&text[place.start as usize..place.end as usize], "yy");
        let within = expanded.text.text.find("a\\\"b").expect("a value");
        let place = expanded.original(span(within..within + 2));
        assert_eq!(&text[place.start as usize..place.end as usize], "$shells");
    }
}
