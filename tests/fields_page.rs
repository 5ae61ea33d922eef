//! docs/fields.md is the schema table, written out. `AUDITWARD_UPDATE=1 cargo test --test fields_page`
//! writes it anew.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "unwrap is how a test fails")]

use std::fmt::Write as _;

use auditward::event::schema::{Cardinality, Face, FieldType, ROWS, Row, Trust};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/fields.md");

fn type_of(row: &Row) -> String {
    let name = match row.kind {
        FieldType::Keyword => "keyword".to_owned(),
        other => format!("{other:?}").to_lowercase(),
    };
    if row.cardinality == Cardinality::Many { format!("{name}, many") } else { name }
}

fn written_by(row: &Row) -> &'static str {
    match row.trust {
        Trust::Kernel => "kernel",
        Trust::Process => "process",
        Trust::Derived => "auditward",
    }
}

/// A text as it may stand in a cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn table(rows: &[&Row]) -> String {
    let mut text = "| field | type | written by | from | meaning |\n|---|---|---|---|---|\n".to_owned();
    for row in rows {
        let from = if row.source.is_empty() { String::new() } else { format!("`{}`", cell(row.source)) };
        let (kind, by) = (type_of(row), written_by(row));
        writeln!(text, "| `{}` | {kind} | {by} | {from} | {} |", row.name, cell(row.doc)).unwrap();
    }
    text
}

fn page() -> String {
    let (sourced, absent): (Vec<&Row>, Vec<&Row>) = ROWS.iter().partition(|row| row.has_source());
    let (shown, matched): (Vec<&Row>, Vec<&Row>) =
        sourced.into_iter().partition(|row| row.face != Face::Matched);
    let absent: Vec<String> = absent.iter().map(|row| format!("`{}`", row.name)).collect();
    format!(
        "# Fields

Every field that a rule can ask for, from the one table that the program itself goes by
(`src/event/schema/table.rs`). Names and types are those of ECS where ECS has the field.

\"Written by\" says who could have chosen the value: the **kernel**, from what it knows itself; a **process**,
which may lie (arguments, names, paths, the text inside `msg='…'`); **auditward**, worked out from the other
two. A rule, and above all an exception, that rests on nothing but what a process wrote can be walked around
by that process.

A field with \"many\" may hold any number of values; a comparison is true when it is true of one of them.

## Shown

In alerts and in `auditward events`, and in matching. In an alert `agent.*`, `data_stream.*`, `ecs.version` and
`event.dataset` are the alert's own.

{shown}
## In matching only

Another producer's place for something that is shown elsewhere, so that rules written for Elastic Defend,
Auditbeat or Endgame find it.

{matched}
## Known, without a source here

Rules that name these fields compile; the fields are always missing, so a rule that needs one of them is
listed as not live.

{absent}
",
        shown = table(&shown),
        matched = table(&matched),
        absent = absent.join(", "),
    )
}

#[test]
fn the_page_is_the_table() {
    let made = page();
    if std::env::var_os("AUDITWARD_UPDATE").is_some() {
        std::fs::write(PATH, &made).unwrap();
        return;
    }
    let stands = std::fs::read_to_string(PATH).expect("docs/fields.md");
    assert!(
        stands == made,
        "docs/fields.md is not the table: AUDITWARD_UPDATE=1 cargo test --test fields_page"
    );
}

#[test]
fn every_field_with_a_source_says_which() {
    for row in ROWS.iter().filter(|row| row.has_source()) {
        assert!(!row.source.is_empty(), "{} has no source in the table", row.name);
        assert!(!row.doc.is_empty(), "{} has no meaning in the table", row.name);
    }
}
