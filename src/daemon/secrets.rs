//! `[secrets]`: what the masker of the daemon's outputs knows beside what is known of secrets everywhere.

use std::path::Path;

use crate::secret::{self, Key, Masker, PatternError};
use crate::toml_file::Table;

/// `[secrets]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretsConfig {
    /// `names`
    pub names: Vec<String>,
    /// `patterns`; each is one that can be used.
    pub patterns: Vec<String>,
}

impl SecretsConfig {
    /// Reads the table; a pattern that cannot be used is told with its place, and left out.
    pub(super) fn read(table: Table<'_>, before: Self) -> Self {
        let masker = secret::masker();
        let usable = |pattern: &String| match &masker {
            Some(masker) => (**masker).clone().with(&[], std::slice::from_ref(pattern)).map(drop),
            None => Ok(()),
        };
        let mut config = before;
        if table.has("names") {
            config.names = table.texts("names").into_iter().map(|name| name.value.into_owned()).collect();
        }
        if table.has("patterns") {
            config.patterns.clear();
            for pattern in table.texts("patterns") {
                let text = pattern.value.into_owned();
                match usable(&text) {
                    Ok(()) => config.patterns.push(text),
                    Err(PatternError { reason, .. }) => table.faults().value(
                        "a pattern of `secrets.patterns` cannot be used",
                        pattern.span,
                        reason,
                    ),
                }
            }
        }
        table.done();
        config
    }

    /// Makes it the policy of the process, under the key it has already or that of the state directory, which is
    /// made where it is missing. Without one tokens differ from run to run, which is told.
    pub(super) fn apply(&self, state: Option<&Path>) {
        let key = state.map(|state| Key::read_or_make(&state.join(secret::KEY_FILE)));
        let masker = match key {
            Some(Ok(key)) => Masker::new(key),
            told => {
                if let Some(Err(error)) = told {
                    tracing::warn!("{error}: equal secrets have other tokens after each start");
                }
                let Some(masker) = secret::masker() else { return };
                Masker::new(masker.key())
            }
        };
        match masker.with(&self.names, &self.patterns) {
            Ok(masker) => secret::mask_with(masker),
            // They were tried one by one.
            Err(error) => tracing::error!("{error}"),
        }
    }
}
