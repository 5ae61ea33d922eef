//! The Event Query Language: lexer, parser, syntax tree, checks against a schema, compiled form and
//! evaluation. Pure: no input or output, no clock; of the rest of the house it knows only
//! `event::{schema, document, date}` and `diagnostic`.
//!
//! ```
//! use auditward::diagnostic::Source;
//! use auditward::eql::Program;
//! use auditward::event::schema::Live;
//! use std::sync::Arc;
//!
//! let text = r#"process where process.name == "usermod" and process.args : "-u""#;
//! let source = Arc::new(Source { name: "<query>".into(), text: text.into() });
//! let program = Program::compile(&source, &Live).unwrap();
//! assert_eq!(program.fields().len(), 3);
//!
//! let source = Arc::new(Source { name: "<query>".into(), text: "any where process.naem == 1".into() });
//! let faults = Program::compile(&source, &Live).unwrap_err();
//! assert_eq!(faults[0].title, "unknown field process.naem");
//! ```
//!
//! # Path of a query
//!
//! `lexer` (text to tokens) → `parser` (tokens to the tree of [`ast`]) → `check` (names and types) →
//! `compile` (the tree to conditions over field ids, constants worked out by `fold`) → `eval`, where
//! `test` asks one value, `script` an expression, `pattern` and `regex` a text. `fault` holds
//! everything that can be wrong, and the sentences for it.
//!
//! # Grammar
//!
//! ```text
//! query      = ( filter | sequence | sample ) { "|" ( "head" | "tail" ) expr } ;
//! filter     = ( "any" | IDENTIFIER | STRING ) "where" expr ;
//! sequence   = "sequence" [ by ] [ "with" "maxspan" "=" INTEGER UNIT ] item { item }
//!              [ "until" "[" filter "]" [ by ] ] ;
//! sample     = "sample" [ by ] "[" filter "]" [ by ] { "[" filter "]" [ by ] } ;
//! item       = ( "[" | "![" ) filter "]" [ by ] [ "with" "runs" "=" INTEGER ] ;
//! by         = "by" field { "," field } ;
//! expr       = and { "or" and } ;
//! and        = not { "and" not } ;
//! not        = "not" not | compare ;
//! compare    = sum [ ( "==" | "!=" | "<" | "<=" | ">" | ">=" ) sum ] ;
//! sum        = product { ( "+" | "-" ) product } ;
//! product    = signed { ( "*" | "/" | "%" ) signed } ;
//! signed     = ( "-" | "+" ) signed | predicate ;
//! predicate  = primary [ [ "not" ] ( "in" | "in~" ) list
//!                      | ( ":" | "like" | "like~" | "regex" | "regex~" ) ( literal | literals ) ] ;
//! list       = "(" expr { "," expr } ")" ;
//! literals   = "(" literal { "," literal } ")" ;
//! primary    = literal | field | FUNCTION [ "~" ] "(" [ expr { "," expr } ] ")" | "(" expr ")" ;
//! field      = [ "?" ] name { "." name } ;
//! name       = IDENTIFIER | "`" … "`" ;
//! literal    = "null" | "true" | "false" | INTEGER | DECIMAL | STRING ;
//! ```
//!
//! # Truth
//!
//! A condition is a tree of `and`, `or` and `not` over leaves. A leaf is true or false: it is true if
//! any value of its field makes it true, and false if the field is missing. Inside a leaf that is an
//! expression (functions, arithmetic) null is a third value, which makes the leaf false.

pub mod ast;
mod check;
mod compile;
mod eval;
pub mod explain;
mod fault;
pub mod finite;
mod fold;
pub mod functions;
#[cfg(any(test, fuzzing))]
pub mod generate;
mod hits;
mod key;
mod lexer;
pub mod narrow;
mod parser;
mod pattern;
mod print;
mod program;
mod regex;
mod requirement;
mod sample;
mod script;
mod sequence;
mod test;
mod text;
mod value;
mod version;

pub use eval::Blocked;
pub(crate) use eval::Cond;
pub use hits::Hits;
pub use key::{JoinKey, KeyValue};
pub(crate) use pattern::{Pattern, PatternSet};
pub use program::{Kind, Options, Program, parse};
pub use requirement::{Literal, Place, Requirement};
pub use sample::{Samples, SavedSamples};
pub(crate) use script::Script;
pub use sequence::{Found, Limits, Saved as SavedSequences, Sequences};
pub(crate) use test::Test;

#[cfg(test)]
mod tests;
