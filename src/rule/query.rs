//! The query of a rule file, compiled so that the caret of a fault lands in the rule file.

use std::path::PathBuf;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Label, Level, Source, Span, codes};
use crate::eql::narrow::{Added, narrowed};
use crate::eql::{Blocked, Program};
use crate::event::Schema;
use crate::toml_file::{Faults, Placed, span};

use super::policy::Lists;
use super::policy::list::expand;

/// A query that compiled.
pub(super) struct Compiled {
    pub(super) program: Program,
    /// What was compiled: the query with its lists put in.
    pub(super) text: Arc<Source>,
    /// Why it can match nothing here, if so.
    pub(super) not_live: Option<String>,
}

/// Compiles `query`; what is wrong with it goes to `faults`, placed in the file where the string
/// there reads letter for letter as the query does (any `'''` string, and others without escapes).
/// A query written with escapes is shown alone, with the line it begins at. `$name` stands for the list
/// of that name.
pub(super) fn compile(
    faults: &Faults,
    query: &Placed<&str>,
    schema: &dyn Schema,
    lists: &Lists,
) -> Option<Compiled> {
    let place = InFile::new(faults, query);
    let (program, text) = place.compile(lists, |source| Program::compile(source, schema))?;
    if !program.pipes().is_empty() {
        place.push(pipe_without_effect(&place.source));
    }
    let blocked = blocked(&program, schema);
    if let Some(blocked) = blocked {
        place.push(never_matches(blocked, &place.source, schema));
    }
    Some(Compiled { program, text, not_live: blocked.map(|blocked| reason(blocked, schema)) })
}

/// Compiles a condition, as an exception or an override holds it; with its text, the lists put in.
pub(super) fn compile_condition(
    faults: &Faults,
    condition: &Placed<&str>,
    schema: &dyn Schema,
    lists: &Lists,
) -> Option<(Arc<Source>, Program)> {
    let place = InFile::new(faults, condition);
    let (program, text) = place.compile(lists, |source| Program::compile_condition(source, schema))?;
    Some((text, program))
}

/// The query of `text` with conditions added; faults are those of the additions.
pub(super) fn narrow(
    text: &Arc<Source>,
    added: &[Added],
    schema: &dyn Schema,
) -> Result<Compiled, Vec<Diagnostic>> {
    let narrowed = Arc::new(Source { name: text.name.clone(), text: narrowed(text, added)? });
    let program = Program::compile(&narrowed, schema)?;
    let not_live = blocked(&program, schema).map(|blocked| reason(blocked, schema));
    Ok(Compiled { program, text: narrowed, not_live })
}

/// A text of EQL in a TOML file.
struct InFile<'f> {
    faults: &'f Faults,
    /// The text as written.
    source: Arc<Source>,
    /// Where in the file it stands letter for letter.
    start: Option<u32>,
}

impl<'f> InFile<'f> {
    fn new(faults: &'f Faults, text: &Placed<&str>) -> Self {
        let file = faults.source();
        let start = literal_start(&file.text, text);
        let source = Arc::new(Source { name: name(file, text, start), text: text.value.to_owned() });
        Self { faults, source, start }
    }

    fn push(&self, fault: Diagnostic) {
        self.faults.push(match self.start {
            Some(start) => moved(fault, self.faults.source(), start),
            None => fault,
        });
    }

    fn compile(
        &self,
        lists: &Lists,
        compile: impl FnOnce(&Arc<Source>) -> Result<Program, Vec<Diagnostic>>,
    ) -> Option<(Program, Arc<Source>)> {
        let expanded = match expand(&self.source, lists) {
            Ok(expanded) => expanded,
            Err(found) => {
                found.into_iter().for_each(|fault| self.push(fault));
                return None;
            }
        };
        let back = |fault: Diagnostic| self.push(expanded.back(fault, &self.source));
        match compile(&expanded.text) {
            Ok(program) => {
                program.warnings().iter().cloned().for_each(back);
                Some((program, Arc::clone(&expanded.text)))
            }
            Err(found) => {
                found.into_iter().for_each(back);
                None
            }
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
/// stage that must happen must be able to.
fn blocked(program: &Program, schema: &dyn Schema) -> Option<Blocked> {
    let happens = program.items_of_match();
    let stages = program.blocked(&|field| schema.filled(field)).into_iter().enumerate();
    stages.filter(|(stage, _)| happens.contains(stage)).find_map(|(_, blocked)| blocked)
}

pub(crate) fn reason(blocked: Blocked, schema: &dyn Schema) -> String {
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

/// The warning, placed at the last pipe.
fn pipe_without_effect(source: &Arc<Source>) -> Diagnostic {
    let end = source.text.trim_end().len();
    let start = source.text.rfind('|').unwrap_or(0).min(end);
    Diagnostic {
        code: codes::RULE_PIPE,
        level: Level::Warning,
        title: "a pipe has no effect in a rule".to_owned(),
        source: Some(Arc::clone(source)),
        primary: Some(Label { span: span(start..end), text: "every match is told".to_owned() }),
        context: Vec::new(),
        help: Some("the events of a host have no end to count from; remove it".to_owned()),
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
