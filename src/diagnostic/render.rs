//! Draws a [`Diagnostic`]: the line at fault with a caret under the place, as compilers do.
//!
//! The only user of `annotate-snippets`. That crate makes control characters of source and title
//! visible, but lets those of labels and paths through, and panics on a span outside the text or
//! inside a character: both are seen to here, and a span that does not fit gives plain text.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Renderer, Snippet};

use super::{Diagnostic, Label, Level, Source, Span};
use crate::clean::is_hidden;

/// Draws one fault, several lines, ending in a newline. `colour` adds terminal colours.
///
/// ```
/// # use auditward::diagnostic::{render, Diagnostic, Label, Level, Source, Span};
/// # use std::sync::Arc;
/// let source = Arc::new(Source { name: "<query>".into(), text: "any where xx == 1".into() });
/// let fault = Diagnostic {
///     code: 201, level: Level::Error, title: "unknown field xx".into(), source: Some(source),
///     primary: Some(Label { span: Span { start: 10, end: 12 }, text: "no such field".into() }),
///     context: vec![], help: None,
/// };
/// assert!(render(&fault, false).contains("^^ no such field"));
/// ```
#[must_use]
pub fn render(diagnostic: &Diagnostic, colour: bool) -> String {
    let Some((source, primary)) = place(diagnostic) else { return plain(diagnostic) };
    let level = match diagnostic.level {
        Level::Error => annotate_snippets::Level::ERROR,
        Level::Warning => annotate_snippets::Level::WARNING,
    };
    let name = source.name.to_string_lossy();
    let mut snippet = Snippet::source(source.text.as_str())
        .path(clean(&name).into_owned())
        .annotation(AnnotationKind::Primary.span(primary).label(label_text(diagnostic.primary.as_ref())));
    for context in &diagnostic.context {
        if let Some(range) = range_in(&source.text, context.span) {
            let annotation = AnnotationKind::Context.span(range).label(label_text(Some(context)));
            snippet = snippet.annotation(annotation);
        }
    }
    let code = format!("E{}", diagnostic.code);
    let mut group: Group<'_> = level.primary_title(clean(&diagnostic.title)).id(code).element(snippet);
    if let Some(help) = &diagnostic.help {
        group = group.element(annotate_snippets::Level::HELP.message(clean(help).into_owned()));
    }
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut text = renderer.decor_style(DecorStyle::Ascii).render(&[group]);
    text.push('\n');
    text
}

/// The source and the place in it, when the place lies in the text.
fn place(diagnostic: &Diagnostic) -> Option<(&Source, Range<usize>)> {
    let source = diagnostic.source.as_deref()?;
    let range = range_in(&source.text, diagnostic.primary.as_ref()?.span)?;
    Some((source, range))
}

fn range_in(text: &str, span: Span) -> Option<Range<usize>> {
    let range = span.start as usize..span.end as usize;
    text.get(range.clone()).map(|_| range)
}

fn label_text(label: Option<&Label>) -> Option<String> {
    label.filter(|label| !label.text.is_empty()).map(|label| clean(&label.text).into_owned())
}

/// The same facts without a picture.
fn plain(diagnostic: &Diagnostic) -> String {
    let level = match diagnostic.level {
        Level::Error => "error",
        Level::Warning => "warning",
    };
    let mut text = format!("{level}[E{}]: {}\n", diagnostic.code, clean(&diagnostic.title));
    if let Some(source) = &diagnostic.source {
        let _ = writeln!(text, " --> {}", clean(&source.name.to_string_lossy()));
    }
    if let Some(help) = &diagnostic.help {
        let _ = writeln!(text, "  = help: {}", clean(help));
    }
    text
}

/// `text` with control characters and the characters that turn the direction of writing made visible.
fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_hidden(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn fault(text: &str, start: u32, end: u32) -> Diagnostic {
        Diagnostic {
            code: 101,
            level: Level::Error,
            title: "title".into(),
            source: Some(Arc::new(Source { name: "a\u{1b}[31m.toml".into(), text: text.into() })),
            primary: Some(Label { span: Span { start, end }, text: "la\u{202e}bel".into() }),
            context: vec![],
            help: Some("try\u{7} this".into()),
        }
    }

    #[test]
    fn no_control_character_gets_through() {
        for text in [render(&fault("a\u{1b}b", 0, 3), false), render(&fault("ab", 7, 9), false)] {
            assert!(!text.chars().any(|c| is_hidden(c) && c != '\n'), "{text:?}");
        }
    }

    #[test]
    fn a_span_that_does_not_fit_gives_plain_text() {
        for (start, end) in [(0, 99), (1, 2), (3, 1)] {
            let text = render(&fault("aé", start, end), false);
            assert!(!text.contains('^') && text.contains("error[E101]: title"), "{text}");
        }
        assert!(render(&fault("", 0, 0), false).contains('^'));
    }

    #[test]
    fn the_caret_stands_under_the_place() {
        insta::assert_snapshot!(render(&fault("any where\n\tébc == 1", 11, 15), false), @r"
        error[E101]: title
         --> a\u{1b}[31m.toml:2:2
          |
        2 |     ébc == 1
          |     ^^^ la\u{202e}bel
          |
          = help: try\u{7} this
        ");
    }
}
