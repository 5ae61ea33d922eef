//! What a site says about rules without touching their files: overrides, exceptions and lists.
//!
//! They are files below `/etc/auditward`, which no upgrade touches. Each is read key by key, and all its
//! faults are told with their place; a faulty entry is left out and stops no other.

mod exception;
pub(crate) mod list;
mod overrides;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Label, Level, Source, Span, codes};
use crate::event::schema::Live;
use crate::toml_file::{self, Codes, Faults};

pub use exception::{Applied, Exception, Scope};
pub use list::{List, Lists};
pub use overrides::{Overridden, Override};

use super::Rule;

/// Where an administrator keeps `overrides.d`, `exceptions.d` and `lists.d`, and `rules.d`.
pub const SITE: &str = "/etc/auditward";

/// Everything that a site says about rules.
#[derive(Debug, Default)]
pub struct Policy {
    /// The lists that conditions can name.
    pub lists: Lists,
    /// Changes of single keys, in the order of their files; of two on one key the later holds.
    pub overrides: Vec<Override>,
    /// What is no alert.
    pub exceptions: Vec<Arc<Exception>>,
    /// All faults.
    pub diagnostics: Vec<Diagnostic>,
}

impl Policy {
    /// Reads `lists.d`, `overrides.d` and `exceptions.d` below `site`; what is not there is empty.
    #[must_use]
    pub fn read(site: &Path) -> Self {
        let mut policy = Self::default();
        policy.folder(&site.join("lists.d"), |faults, policy| {
            if let Some(tree) = faults.parse() {
                let root = faults.root(&tree);
                root.tables("list").into_iter().for_each(|table| list::read(table, &mut policy.lists));
                root.done();
            }
        });
        policy.folder(&site.join("overrides.d"), |faults, policy| {
            if let Some(tree) = faults.parse() {
                let root = faults.root(&tree);
                let tables = root.tables("override").into_iter();
                policy.overrides.extend(tables.filter_map(|table| overrides::read(table, &policy.lists)));
                root.done();
            }
        });
        policy.folder(&site.join("exceptions.d"), |faults, policy| policy.exceptions_of(faults));
        policy
    }

    fn exceptions_of(&mut self, faults: &Faults) {
        if let Some(tree) = faults.parse() {
            let root = faults.root(&tree);
            for table in root.tables("exception") {
                let read = exception::read(table, &self.lists, &self.exceptions);
                self.exceptions.extend(read.map(Arc::new));
            }
            root.done();
        }
    }

    /// Takes in exceptions that came with an export of rules.
    pub(super) fn add_exceptions(&mut self, source: &Arc<Source>) -> Vec<Diagnostic> {
        let faults = Faults::new(Arc::clone(source), Codes::RULE, Level::Error);
        self.exceptions_of(&faults);
        faults.finish()
    }

    fn folder(&mut self, folder: &Path, read: impl Fn(&Faults, &mut Self)) {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
            Err(error) => {
                return self.diagnostics.push(*toml_file::unreadable(folder, &error, Codes::RULE));
            }
        };
        let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        files.retain(|file| {
            let hidden = file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            !hidden && file.extension().is_some_and(|extension| extension == "toml")
        });
        files.sort();
        for file in files {
            match toml_file::read(&file, Codes::RULE) {
                Ok(source) => {
                    let faults = Faults::new(source, Codes::RULE, Level::Error);
                    read(&faults, self);
                    self.diagnostics.extend(faults.finish());
                }
                Err(fault) => self.diagnostics.push(*fault),
            }
        }
    }

    /// The overrides for the rule with this uuid or short id.
    pub(super) fn overrides_for<'p>(
        &'p self,
        uuid: &'p str,
        id: &'p str,
    ) -> impl Iterator<Item = &'p Override> {
        self.overrides.iter().filter(move |change| change.rule == uuid || change.rule == id)
    }

    /// Gives each rule the exceptions that are for it.
    pub(super) fn apply(&self, rule: &mut Rule, found: &mut Vec<Diagnostic>) {
        for exception in &self.exceptions {
            if exception.scope.covers(rule) {
                match Applied::new(exception, rule) {
                    Ok(applied) => rule.exceptions.push(applied),
                    Err(fault) => found.push(*fault),
                }
            }
        }
    }

    /// The warnings on rule ids that no loaded rule has; `known` says which have.
    pub(super) fn strangers(&self, known: &dyn Fn(&str) -> bool) -> Vec<Diagnostic> {
        let overrides = self.overrides.iter().map(|change| (&change.rule, &change.source, change.rule_place));
        let ids = self.exceptions.iter().flat_map(|exception| match &exception.scope {
            Scope::All => Vec::new(),
            Scope::Rules(ids) => {
                ids.iter().map(|(id, place)| (id, &exception.source, *place)).collect::<Vec<_>>()
            }
        });
        let strange = overrides.chain(ids).filter(|(id, ..)| !known(id));
        strange.map(|(id, source, place)| not_loaded(id, source, place)).collect()
    }
}

fn not_loaded(id: &str, source: &Arc<Source>, place: Span) -> Diagnostic {
    Diagnostic {
        code: codes::RULE_NOT_LOADED,
        level: Level::Warning,
        title: format!("no rule with the id {id} is loaded"),
        source: Some(Arc::clone(source)),
        primary: Some(Label { span: place, text: String::new() }),
        context: Vec::new(),
        help: Some("`auditward rules list` shows the ids of all rules".to_owned()),
    }
}

/// The line, from 1, of `place` in `source`.
pub(crate) fn line(source: &Source, place: Span) -> usize {
    let before = source.text.as_bytes().get(..place.start as usize).unwrap_or_default();
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

/// The item that `stage` names, from 0, and where it is written.
fn stage(table: &toml_file::Table<'_>) -> Option<(usize, Span)> {
    let stage = table.integer("stage", 1..=256)?;
    Some((usize::try_from(stage.value - 1).ok()?, stage.span))
}

/// A condition read and compiled, for those who keep one: its text with the lists put in, and its program.
fn condition(
    faults: &Faults,
    text: &toml_file::Placed<std::borrow::Cow<'_, str>>,
    lists: &Lists,
) -> Option<(Arc<Source>, crate::eql::Program)> {
    let placed = toml_file::Placed { value: text.value.as_ref(), span: text.span };
    super::query::compile_condition(faults, &placed, &Live, lists)
}
