//! Everything that can be wrong with a query, as facts with a place; and in one function the
//! sentences that people read. The stages (lexer, parser, checker, compiler) only name the facts.

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Label, Level, Source, Span, codes};

/// One fault and its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault {
    pub(crate) span: Span,
    pub(crate) what: What,
}

/// The faults.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum What {
    Character(char),
    UnterminatedString {
        raw: bool,
    },
    /// The whole token as written, and its text.
    OldString(String),
    Escape,
    EscapeCode,
    UnterminatedComment,
    Backquotes,
    /// What should stand here, and what does.
    Expected {
        wanted: &'static str,
        found: String,
    },
    SingleEquals,
    Chained,
    EmptyList,
    MisplacedNot(&'static str),
    PatternNotLiteral(&'static str),
    ArrayIndex,
    Category,
    KeywordAsName(String),
    UpperCaseKeyword(String),
    ProcessRelationship(String),
    Join,
    Pipe {
        name: String,
        once_known: bool,
    },
    PipeArgument(&'static str),
    TooDeep(usize),
    TooLong(usize),
    MethodSyntax {
        field: String,
        method: String,
    },

    UnknownField {
        name: String,
        near: Vec<String>,
        optional_helps: bool,
    },
    UnknownFunction {
        name: String,
        near: Vec<String>,
        instead: Option<&'static str>,
    },
    UnusableField {
        name: String,
        why: String,
    },
    NoCategoryField(String),
    NoInsensitiveForm(&'static str),

    NotBoolean {
        what: &'static str,
        found: &'static str,
    },
    ArgumentCount {
        function: &'static str,
        usage: &'static str,
        found: usize,
    },
    WrongType {
        what: String,
        wanted: &'static str,
        found: &'static str,
        help: Option<&'static str>,
    },
    MixedList {
        wanted: &'static str,
        found: &'static str,
        help: Option<&'static str>,
    },
    FieldToField,
    NotConstant(String),
    Regex {
        why: String,
    },
    Network(String),
    NeverTrue {
        literal: String,
        field_type: &'static str,
    },

    TooFewItems(&'static str),
    ByAfterWith,
    MaxSpan(&'static str),
    Runs,
    UnknownOption {
        name: String,
        wanted: &'static str,
    },
    KeyCount {
        wanted: usize,
        found: usize,
        first: Span,
    },
    KeyTypes {
        here: &'static str,
        there: &'static str,
        first: Span,
    },
    KeyNotField,
    MissingWithoutMaxSpan,
    OnlyMissing,
    SampleClause(&'static str),
    SampleWithoutKeys,
}

/// What is said of a fault: its number, the title, few words under the caret, what to write instead.
struct Words {
    code: u16,
    title: String,
    label: &'static str,
    help: Option<String>,
}

fn words(code: u16, title: impl Into<String>, label: &'static str) -> Words {
    Words { code, title: title.into(), label, help: None }
}

impl Words {
    fn help(self, help: impl Into<String>) -> Self {
        Words { help: Some(help.into()), ..self }
    }

    fn maybe_help(self, help: Option<impl Into<String>>) -> Self {
        Words { help: help.map(Into::into), ..self }
    }
}

impl Fault {
    pub(crate) fn new(span: Span, what: What) -> Self {
        Fault { span, what }
    }

    /// As people read it.
    pub(crate) fn diagnostic(&self, source: &Arc<Source>) -> Diagnostic {
        let said = self.what.words();
        Diagnostic {
            code: said.code,
            level: if matches!(self.what, What::NeverTrue { .. }) { Level::Warning } else { Level::Error },
            title: said.title,
            source: Some(Arc::clone(source)),
            primary: Some(Label { span: self.span, text: said.label.to_owned() }),
            context: self.what.context(),
            help: said.help,
        }
    }
}

impl What {
    fn context(&self) -> Vec<Label> {
        match self {
            What::KeyCount { first, .. } | What::KeyTypes { first, .. } => {
                vec![Label { span: *first, text: "the first item's".to_owned() }]
            }
            _ => Vec::new(),
        }
    }

    fn words(&self) -> Words {
        match self {
            What::UnknownField { .. }
            | What::UnknownFunction { .. }
            | What::UnusableField { .. }
            | What::NoCategoryField(_)
            | What::NoInsensitiveForm(_) => self.words_of_names(),
            What::NotBoolean { .. }
            | What::ArgumentCount { .. }
            | What::WrongType { .. }
            | What::MixedList { .. }
            | What::FieldToField
            | What::NotConstant(_)
            | What::Regex { .. }
            | What::Network(_)
            | What::NeverTrue { .. } => self.words_of_types(),
            What::TooFewItems(_)
            | What::ByAfterWith
            | What::MaxSpan(_)
            | What::Runs
            | What::UnknownOption { .. }
            | What::KeyCount { .. }
            | What::KeyTypes { .. }
            | What::KeyNotField
            | What::MissingWithoutMaxSpan
            | What::OnlyMissing
            | What::SampleClause(_)
            | What::SampleWithoutKeys => self.words_of_sequences(),
            What::Character(_)
            | What::UnterminatedString { .. }
            | What::OldString(_)
            | What::Escape
            | What::EscapeCode
            | What::UnterminatedComment
            | What::Backquotes => self.words_of_tokens(),
            _ => self.words_of_syntax(),
        }
    }

    fn words_of_tokens(&self) -> Words {
        match self {
            What::Character('“' | '”' | '„' | '«' | '»') => {
                words(codes::UNEXPECTED_CHARACTER, "a typographic quotation mark", "not a quote here")
                    .help("strings stand in straight quotes: \"text\"")
            }
            What::Character(c) => {
                let said = words(
                    codes::UNEXPECTED_CHARACTER,
                    format!("`{c}` begins nothing in EQL"),
                    "unexpected character",
                );
                match c {
                    '!' => said.help("write `not` before a condition, or `!=` between two values"),
                    '&' => said.help("write `and`"),
                    ';' => said.help("a query ends without a semicolon"),
                    _ => said.help("a field name with unusual characters stands in backquotes: `odd-name`"),
                }
            }
            What::UnterminatedString { raw: false } => {
                words(codes::UNTERMINATED_STRING, "this string does not end on its line", "begins here")
                    .help("close it with \"; a line break in a string is written \\n")
            }
            What::UnterminatedString { raw: true } => {
                words(codes::UNTERMINATED_STRING, "this raw string does not end on its line", "begins here")
                    .help("close it with \"\"\"")
            }
            What::OldString(text) => {
                words(codes::OLD_STRING, "strings are no longer written like this", "old form of a string")
                    .help(format!(
                        "write \"{}\", or \"\"\"{text}\"\"\" where backslashes are to stand for themselves",
                        text.replace('\\', "\\\\").replace('"', "\\\"")
                    ))
            }
            What::Escape => words(codes::BAD_ESCAPE, "no such escape in a string", "unknown escape").help(
                "the escapes are \\b \\t \\n \\f \\r \\\" \\' \\\\ \\uXXXX \\u{X…}; a backslash is \\\\, or use \"\"\"…\"\"\"",
            ),
            What::EscapeCode => words(codes::BAD_ESCAPE, "no such character", "not a character's number")
                .help("\\uXXXX takes exactly four hexadecimal digits, \\u{…} two to eight, of a number from 1 to 10FFFF"),
            What::UnterminatedComment => {
                words(codes::UNTERMINATED_COMMENT, "this comment does not end", "begins here")
                    .help("close it with */; comments nest")
            }
            _ => words(codes::BAD_BACKQUOTES, "a backquoted name that is empty or does not end", "not a name")
                .help("write `name`; a backquote in the name itself is doubled"),
        }
    }

    fn words_of_syntax(&self) -> Words {
        match self {
            What::Expected { wanted, found } => {
                words(codes::UNEXPECTED, format!("expected {wanted}, found {found}"), "not expected here")
            }
            What::SingleEquals => words(codes::SINGLE_EQUALS, "`=` compares nothing", "one `=`")
                .help("write `==` for the exact value, `:` to ignore case and use wildcards"),
            What::Chained => {
                words(codes::CHAINED_COMPARISON, "comparisons do not chain", "a second comparison")
                    .help("write `a < b and b < c`")
            }
            What::EmptyList => words(codes::EMPTY_LIST, "a list has at least one element", "nothing in here"),
            What::MisplacedNot(operator) => {
                words(codes::MISPLACED_NOT, format!("`not` does not stand before `{operator}`"), "not here")
                    .help(format!("write `not x {operator} …`"))
            }
            What::PatternNotLiteral(operator) => words(
                codes::PATTERN_NOT_LITERAL,
                format!("`{operator}` takes a string, or a list of strings in brackets"),
                "not a literal",
            ),
            What::ArrayIndex => {
                words(codes::ARRAY_INDEX, "values cannot be asked for by an index", "an index")
                    .help("the values of a field have no order; a condition on the field asks them all")
            }
            What::Category => {
                words(codes::BAD_CATEGORY, "an event category is a word or a string", "not a category")
                    .help("write `process where …`, `\"my-category\" where …`, or `any where …`")
            }
            What::KeywordAsName(word) => {
                words(codes::UNEXPECTED, format!("`{word}` is a word of the language"), "not a name here")
                    .help(format!("a field of this name stands in backquotes: `{word}`"))
            }
            What::UpperCaseKeyword(word) => {
                words(codes::UNEXPECTED, format!("unexpected `{word}`"), "not expected here").help(format!(
                    "the words of the language are in lower case: {}",
                    word.to_ascii_lowercase()
                ))
            }
            What::ProcessRelationship(word) => {
                words(codes::PROCESS_RELATIONSHIP, format!("`{word} of` is not supported"), "not supported")
                    .help("ask process.parent.*, or join two events with `sequence by process.entity_id`")
            }
            What::Join => words(codes::JOIN, "`join` is not supported", "not supported")
                .help("`sequence by …` joins events in order of time, `sample by …` without it"),
            What::Pipe { name, once_known } => {
                let title = if *once_known {
                    format!("the pipe `{name}` is not supported")
                } else {
                    format!("there is no pipe `{name}`")
                };
                words(codes::UNKNOWN_PIPE, title, "not a pipe here")
                    .help("the pipes are `head n` and `tail n`")
            }
            What::PipeArgument(wanted) => {
                words(codes::PIPE_ARGUMENT, format!("a pipe takes {wanted}"), "not that")
                    .help("write `| head 5`")
            }
            What::TooDeep(limit) => {
                words(codes::TOO_DEEP, format!("more than {limit} levels of nesting"), "too deep")
            }
            What::TooLong(limit) => {
                words(codes::TOO_LONG, format!("a query of more than {limit} bytes is not read"), "too long")
            }
            What::MethodSyntax { field, method } => {
                words(codes::METHOD_SYNTAX, "functions are not called like this", "method syntax")
                    .help(format!("write `{method}({field}, …)`"))
            }
            _ => words(codes::UNEXPECTED, "not understood", "here"),
        }
    }

    fn words_of_names(&self) -> Words {
        match self {
            What::UnknownField { name, near, optional_helps } => {
                let said = words(codes::UNKNOWN_FIELD, format!("unknown field {name}"), "no such field");
                match near.as_slice() {
                    [] if *optional_helps => {
                        said.help(format!("write ?{name} if the field may be absent from the events"))
                    }
                    [] => said,
                    near => said.help(format!("did you mean {}?", near.join(", "))),
                }
            }
            What::UnknownFunction { name, near, instead } => {
                let said =
                    words(codes::UNKNOWN_FUNCTION, format!("unknown function {name}"), "no such function");
                match (instead, near.as_slice()) {
                    (Some(instead), _) => said.help(*instead),
                    (None, []) => said,
                    (None, near) => said.help(format!("did you mean {}?", near.join(", "))),
                }
            }
            What::UnusableField { name, why } => {
                words(codes::UNUSABLE_FIELD, format!("{name} cannot be used in a condition"), "not usable")
                    .help(why.as_str())
            }
            What::NoCategoryField(field) => words(
                codes::NO_CATEGORY_FIELD,
                format!("the events have no category field ({field})"),
                "needs a category",
            )
            .help("write `any where …`"),
            What::NoInsensitiveForm(name) => words(
                codes::NO_INSENSITIVE_FORM,
                format!("{name} has no form that ignores case"),
                "no `~` here",
            )
            .help(format!("write `{name}(…)`")),
            _ => words(codes::UNKNOWN_FIELD, "unknown name", "here"),
        }
    }

    fn words_of_types(&self) -> Words {
        match self {
            What::NotBoolean { what, found } => words(
                codes::NOT_BOOLEAN,
                format!("{what} must be true or false, this is {found}"),
                "not a condition",
            )
            .help("compare it with something, such as `!= null`"),
            What::ArgumentCount { function, usage, found } => words(
                codes::ARGUMENT_COUNT,
                format!("{function} does not take {found} argument{}", if *found == 1 { "" } else { "s" }),
                "wrong number of arguments",
            )
            .help(format!("usage: {usage}")),
            What::WrongType { what, wanted, found, help } => {
                words(codes::WRONG_TYPE, format!("{what} must be {wanted}, this is {found}"), "wrong type")
                    .maybe_help(*help)
            }
            What::MixedList { wanted, found, help } => words(
                codes::MIXED_LIST,
                format!("{wanted} is looked for, but this element of the list is {found}"),
                "wrong type",
            )
            .maybe_help(*help),
            What::FieldToField => words(
                codes::FIELD_TO_FIELD,
                "fields cannot be compared with one another",
                "a field on both sides",
            )
            .help("one side must be a constant; to compare the fields of two events, use `sequence by`"),
            What::NotConstant(what) => {
                words(codes::NOT_CONSTANT, format!("{what} must be a constant"), "not a constant")
            }
            What::Regex { why } => {
                words(codes::BAD_REGEX, format!("this regular expression cannot be used: {why}"), "in here")
            }
            What::Network(text) => {
                words(codes::BAD_NETWORK, format!("{text} is no network"), "not a network")
                    .help("write \"10.0.0.0/8\" or \"fe80::/10\"")
            }
            What::NeverTrue { literal, field_type } => words(
                codes::NEVER_TRUE,
                format!("a field of type {field_type} never has the value {literal}"),
                "never true",
            ),
            _ => words(codes::WRONG_TYPE, "wrong type", "here"),
        }
    }

    fn words_of_sequences(&self) -> Words {
        match self {
            What::TooFewItems(kind) => {
                words(codes::TOO_FEW_ITEMS, format!("a {kind} has at least two items"), "too few items")
            }
            What::ByAfterWith => words(codes::BY_AFTER_WITH, "`by` stands before `with`", "too late")
                .help("write `sequence by key with maxspan=1m […] […]`"),
            What::MaxSpan(wanted) => words(codes::BAD_MAXSPAN, format!("maxspan is {wanted}"), "not that")
                .help("write `maxspan=30s`; the units are ms, s, m, h, d"),
            What::Runs => words(codes::BAD_RUNS, "runs is a whole number from 1 to 100", "not that"),
            What::UnknownOption { name, wanted } => {
                words(codes::UNKNOWN_OPTION, format!("there is no option {name} here"), "unknown option")
                    .help(format!("the option here is {wanted}"))
            }
            What::KeyCount { wanted, found, .. } => words(
                codes::KEY_COUNT,
                format!("{found} join key{} here, {wanted} before", if *found == 1 { "" } else { "s" }),
                "another number of keys",
            )
            .help("every item has as many keys as the others"),
            What::KeyTypes { here, there, .. } => words(
                codes::KEY_TYPES,
                format!("this join key is {here}, the one it is to equal is {there}"),
                "another type",
            ),
            What::KeyNotField => {
                words(codes::KEY_NOT_FIELD, "a join key is the name of a field, nothing else", "not a field")
            }
            What::MissingWithoutMaxSpan => words(
                codes::MISSING_WITHOUT_MAXSPAN,
                "a missing event needs a time in which it is missing",
                "no maxspan for this",
            )
            .help("write `sequence with maxspan=5m …`"),
            What::OnlyMissing => {
                words(codes::ONLY_MISSING, "nothing in this sequence ever happens", "only missing events")
                    .help("at least one item stands without `!`")
            }
            What::SampleClause(clause) => {
                words(codes::SAMPLE_CLAUSE, format!("a sample has no `{clause}`"), "not in a sample")
                    .help("samples know no order of time; `sequence` does")
            }
            _ => words(codes::SAMPLE_WITHOUT_KEYS, "a sample has at least one join key", "no keys")
                .help("write `sample by host.id […] […]`"),
        }
    }
}
