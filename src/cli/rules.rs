//! The rules that a command works with: those named, else the installed ones, else those built in.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::bail;

use crate::diagnostic::{Level, render};
use crate::event::schema::Live;
use crate::rule::{Loaded, Rule, load};

/// Loads the rules; faults are told on standard error and the sound rules used.
///
/// # Errors
/// Paths were named and nothing in them can be used.
pub(super) fn load(paths: &[PathBuf]) -> anyhow::Result<Vec<Arc<Rule>>> {
    let loaded = if paths.is_empty() { load::default_rules(&Live) } else { load::load(paths, &Live) };
    let Loaded { rules, diagnostics, .. } = loaded;
    for diagnostic in diagnostics.iter().filter(|d| paths.is_empty() || d.level >= Level::Warning) {
        eprint!("{}", render(diagnostic, false));
    }
    if rules.is_empty() {
        bail!("no rule can be used");
    }
    Ok(rules)
}
