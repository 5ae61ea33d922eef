//! The query of a rule file, compiled so that the caret of a fault lands in the rule file.

use std::path::PathBuf;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Label, Level, Source, Span, codes};
use crate::eql::{Blocked, Program};
use crate::event::Schema;
use crate::toml_file::{Faults, Placed, span};

/// A query that compiled.
pub(super) struct Compiled {
    pub(super) program: Program,
    /// Why it can match nothing here, if so.
    pub(super) not_live: Option<String>,
}

/// Compiles `query`; what is wrong with it goes to `faults`, placed in the file where the string
/// there reads letter for letter as the query does (any `'''` string, and others without escapes).
/// A query written with escapes is shown alone, with the line it begins at.
pub(super) fn compile(faults: &Faults, query: &Placed<&str>, schema: &dyn Schema) -> Option<Compiled> {
    let file = faults.source();
    let start = literal_start(&file.text, query);
    let source = Arc::new(Source { name: name(file, query, start), text: query.value.to_owned() });
    let push = |fault: Diagnostic| {
        faults.push(match start {
            Some(start) => moved(fault, file, start),
            None => fault,
        });
    };
    match Program::compile(&source, schema) {
        Ok(program) => {
            program.warnings().iter().cloned().for_each(push);
            let blocked = blocked(&program, schema);
            if let Some(blocked) = blocked {
                push(never_matches(blocked, &source, schema));
            }
            Some(Compiled { program, not_live: blocked.map(|blocked| reason(blocked, schema)) })
        }
        Err(found) => {
            found.into_iter().for_each(push);
            None
        }
    }
}

fn name(file: &Source, query: &Placed<&str>, start: Option<u32>) -> PathBuf {
    match start {
        Some(_) => file.name.clone(),
        None => {
            let line = line_of(&file.text, query.span.start);
            format!("{} (query of line {line}, escapes read)", file.name.display()).into()
        }
    }
}

/// Why the query can match nothing of what `schema`'s events hold: of a sequence or sample, every
/// stage must be able to.
fn blocked(program: &Program, schema: &dyn Schema) -> Option<Blocked> {
    program.blocked(&|field| schema.filled(field)).into_iter().flatten().next()
}

fn reason(blocked: Blocked, schema: &dyn Schema) -> String {
    match blocked {
        Blocked::Constant => "its condition is never true".to_owned(),
        Blocked::Field(field) => format!("{} has no source here", schema.name(field)),
    }
}

/// The warning, placed at the field's name.
fn never_matches(blocked: Blocked, source: &Arc<Source>, schema: &dyn Schema) -> Diagnostic {
    let whole = 0..source.text.trim_end().len();
    let place = match blocked {
        Blocked::Constant => whole,
        Blocked::Field(field) => {
            let name = schema.name(field);
            source.text.find(name).map_or(whole, |start| start..start + name.len())
        }
    };
    Diagnostic {
        code: codes::RULE_NEVER_MATCHES,
        level: Level::Warning,
        title: format!("this rule can never match here: {}", reason(blocked, schema)),
        source: Some(Arc::clone(source)),
        primary: Some(Label { span: span(place), text: String::new() }),
        context: Vec::new(),
        help: None,
    }
}

/// Where in `file` the query's first byte stands, if all its bytes stand there as they are.
fn literal_start(file: &str, query: &Placed<&str>) -> Option<u32> {
    let quoted = file.get(query.span.start as usize..query.span.end as usize)?;
    let quotes = if quoted.starts_with("'''") || quoted.starts_with(r#"""""#) { 3 } else { 1 };
    let inner = quoted.get(quotes..quoted.len().checked_sub(quotes)?)?;
    // TOML drops a line break right behind the opening quotes of a multi-line string.
    let skipped = match quotes {
        3 if inner.starts_with("\r\n") => 2,
        3 if inner.starts_with('\n') => 1,
        _ => 0,
    };
    (inner.get(skipped..)? == query.value).then_some(query.span.start + u32::try_from(quotes + skipped).ok()?)
}

fn line_of(text: &str, offset: u32) -> usize {
    let before = text.as_bytes().get(..offset as usize).unwrap_or_default();
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

fn moved(fault: Diagnostic, file: &Arc<Source>, by: u32) -> Diagnostic {
    let shift = |label: Label| Label {
        span: Span { start: label.span.start + by, end: label.span.end + by },
        text: label.text,
    };
    Diagnostic {
        source: Some(Arc::clone(file)),
        primary: fault.primary.map(shift),
        context: fault.context.into_iter().map(shift).collect(),
        ..fault
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toml_file::Codes;

    /// What stands in the file from where the query is said to start.
    fn start_of(toml: &str) -> Option<String> {
        let source = Arc::new(Source { name: "r.toml".into(), text: toml.to_owned() });
        let faults = Faults::new(source, Codes::RULE, Level::Warning);
        let tree = faults.parse().expect("TOML");
        let query = faults.root(&tree).text("query").expect("a query");
        let query = Placed { value: query.value.as_ref(), span: query.span };
        let start = literal_start(toml, &query)? as usize;
        assert_eq!(&toml[start..start + query.value.len()], query.value);
        Some(toml[start..].to_owned())
    }

    #[test]
    fn literal_strings_map_onto_the_file() {
        assert_eq!(start_of("query = '''\nany where true\n'''").as_deref(), Some("any where true\n'''"));
        assert_eq!(start_of("query = '''any where true'''").as_deref(), Some("any where true'''"));
        assert_eq!(
            start_of("query = 'any where a == \"\\\\d\"'").as_deref(),
            Some("any where a == \"\\\\d\"'")
        );
        assert_eq!(start_of("query = \"\"\"\nany where true\"\"\"").as_deref(), Some("any where true\"\"\""));
        assert_eq!(start_of("query = \"any where true\"").as_deref(), Some("any where true\""));
    }

    #[test]
    fn carriage_returns_stay_in_place() {
        let crlf = "query = '''\r\nany where\r\n true\r\n'''\r\n";
        assert_eq!(start_of(crlf).as_deref(), Some("any where\r\n true\r\n'''\r\n"));
        let crlf = "query = \"\"\"\r\nany where\r\n true\r\n\"\"\"\r\n";
        assert_eq!(start_of(crlf).as_deref(), Some("any where\r\n true\r\n\"\"\"\r\n"));
    }

    #[test]
    fn escaped_strings_do_not() {
        assert_eq!(start_of(r#"query = "any where a == \"b\"""#), None);
        assert_eq!(start_of("query = \"\"\"any where \\\n  true\"\"\""), None);
    }

    #[test]
    fn lines_are_counted_from_one() {
        assert_eq!(line_of("a\nb\nc", 0), 1);
        assert_eq!(line_of("a\nb\nc", 4), 3);
        assert_eq!(line_of("a", 400), 1);
    }
}
