//! How often each program was executed since this process began to look: a bounded count.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Programs that are counted; of further ones nothing is known.
const MOST: usize = 4096;

/// Bytes of a path that is counted.
const LONGEST: usize = 1024;

/// Executions of one program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// How many were recorded.
    pub count: u64,
    /// When the first was, in milliseconds since the Unix epoch.
    pub first: u64,
}

/// Executions by program, as records tell them. Shared by who counts and who asks.
#[derive(Debug, Default)]
pub struct Runs(Mutex<HashMap<Box<[u8]>, Run, foldhash::fast::RandomState>>);

impl Runs {
    /// `program` was executed.
    pub(crate) fn note(&self, program: &[u8], millis: u64) {
        // Whole between any two statements.
        let mut runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(run) = runs.get_mut(program) {
            run.count += 1;
        } else if runs.len() < MOST && program.len() <= LONGEST {
            runs.insert(program.into(), Run { count: 1, first: millis });
        }
    }

    /// Executions of `program`; none where none was recorded, or there were too many programs to count it.
    #[must_use]
    pub fn of(&self, program: &[u8]) -> Option<Run> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(program).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executions_are_counted_from_the_first_and_memory_is_bounded() {
        let runs = Runs::default();
        runs.note(b"/bin/sh", 7);
        runs.note(b"/bin/sh", 9);
        assert_eq!(runs.of(b"/bin/sh"), Some(Run { count: 2, first: 7 }));
        assert_eq!(runs.of(b"/bin/bash"), None);
        for n in 0..2 * MOST {
            runs.note(format!("/tmp/{n}").as_bytes(), 1);
        }
        runs.note(&[b'x'; LONGEST + 1], 1);
        assert_eq!(runs.0.lock().expect("whole").len(), MOST);
        runs.note(b"/bin/sh", 10);
        assert_eq!(runs.of(b"/bin/sh").map(|run| run.count), Some(3), "what is known is counted on");
    }
}
