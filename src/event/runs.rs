//! How often each program was executed on this host, as far as records tell: a bounded count, that can be kept over a restart.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bstr::{BString, ByteSlice, ByteVec};
use serde::{Deserialize, Serialize};

/// Programs that are counted. When there are more, the half that ran least often, and of these longest ago, is forgotten.
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
    /// When the last was.
    pub last: u64,
}

type ByProgram = HashMap<Box<[u8]>, Run, foldhash::fast::RandomState>;

/// Executions by program, as records tell them. Shared by who counts and who asks.
#[derive(Debug, Default)]
pub struct Runs(Mutex<ByProgram>);

/// The first word of a written count.
const FORMAT: u32 = 1;

/// A count as it is written: JSON, with what is no UTF-8 in a path as `\xNN`.
#[derive(Debug, Serialize, Deserialize)]
struct Written {
    auditward_programs: u32,
    /// Path, count, first, last.
    programs: Vec<(String, u64, u64, u64)>,
}

impl Runs {
    fn by_program(&self) -> MutexGuard<'_, ByProgram> {
        // Whole between any two statements.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `program` was executed.
    pub(crate) fn note(&self, program: &[u8], millis: u64) {
        let mut runs = self.by_program();
        if let Some(run) = runs.get_mut(program) {
            (run.count, run.last) = (run.count + 1, run.last.max(millis));
        } else if program.len() <= LONGEST {
            make_room(&mut runs);
            runs.insert(program.into(), Run { count: 1, first: millis, last: millis });
        }
    }

    /// Executions of `program`; none where none was recorded, or it was forgotten.
    #[must_use]
    pub fn of(&self, program: &[u8]) -> Option<Run> {
        self.by_program().get(program).copied()
    }

    /// All of them, to be kept: see [`Runs::resume`].
    #[must_use]
    pub fn written(&self) -> Vec<u8> {
        let programs = self.by_program().iter().map(|(path, run)| (path.clone(), *run)).collect::<Vec<_>>();
        let programs = programs
            .into_iter()
            .map(|(path, run)| (path.escape_bytes().to_string(), run.count, run.first, run.last))
            .collect();
        serde_json::to_vec(&Written { auditward_programs: FORMAT, programs }).unwrap_or_default()
    }

    /// Adds what an earlier run counted; how many programs these are.
    ///
    /// # Errors
    /// It is not what [`Runs::written`] gives; then nothing was added.
    pub fn resume(&self, bytes: &[u8]) -> Result<usize, String> {
        let written: Written =
            serde_json::from_slice(bytes).map_err(|error| format!("it is damaged ({error})"))?;
        if written.auditward_programs != FORMAT {
            return Err(format!("its format {} is not known", written.auditward_programs));
        }
        let mut runs = self.by_program();
        let mut count = 0;
        for (path, executions, first, last) in written.programs.into_iter().take(MOST) {
            let path = BString::from(Vec::unescape_bytes(&path));
            if path.len() > LONGEST {
                continue;
            }
            make_room(&mut runs);
            let run = runs.entry(Vec::from(path).into()).or_insert(Run { count: 0, first, last });
            run.count = run.count.saturating_add(executions);
            (run.first, run.last) = (run.first.min(first), run.last.max(last));
            count += 1;
        }
        Ok(count)
    }
}

/// Forgets the half that is least worth knowing where there is no room for one more.
fn make_room(runs: &mut ByProgram) {
    if runs.len() < MOST {
        return;
    }
    let mut ranks: Vec<(u64, u64)> = runs.values().map(|run| (run.count, run.last)).collect();
    let (_, middle, _) = ranks.select_nth_unstable(MOST / 2);
    let middle = *middle;
    runs.retain(|_, run| (run.count, run.last) > middle);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executions_are_counted_from_the_first_and_memory_is_bounded() {
        let runs = Runs::default();
        runs.note(b"/bin/sh", 7);
        runs.note(b"/bin/sh", 9);
        assert_eq!(runs.of(b"/bin/sh"), Some(Run { count: 2, first: 7, last: 9 }));
        assert_eq!(runs.of(b"/bin/bash"), None);
        for n in 0..3 * MOST as u64 {
            runs.note(format!("/tmp/{n}").as_bytes(), 10 + n);
            assert!(runs.by_program().len() <= MOST);
        }
        runs.note(&[b'x'; LONGEST + 1], 1);
        assert_eq!(runs.of(&[b'x'; LONGEST + 1]), None);
        runs.note(b"/bin/sh", 10);
        assert_eq!(runs.of(b"/bin/sh").map(|run| run.count), Some(3), "what ran once gives way first");
        assert!(runs.of(format!("/tmp/{}", 3 * MOST - 1).as_bytes()).is_some(), "the newest are there");
    }

    #[test]
    fn what_was_counted_is_added_in_the_next_run() {
        let (runs, next) = (Runs::default(), Runs::default());
        runs.note(b"/bin/sh", 7);
        runs.note(b"/bin/sh", 9);
        runs.note(b"/tmp/\xff\\\n", 8);
        next.note(b"/bin/sh", 20);
        assert_eq!(next.resume(&runs.written()), Ok(2));
        assert_eq!(next.of(b"/bin/sh"), Some(Run { count: 3, first: 7, last: 20 }));
        assert_eq!(next.of(b"/tmp/\xff\\\n"), Some(Run { count: 1, first: 8, last: 8 }));
        assert!(next.resume(b"{").is_err_and(|why| why.starts_with("it is damaged")));
        assert_eq!(
            next.resume(br#"{"auditward_programs":2,"programs":[]}"#),
            Err("its format 2 is not known".to_owned())
        );
        assert_eq!(next.of(b"/bin/sh").map(|run| run.count), Some(3));
    }
}
