//! Where processes stand, as /proc said a moment ago: however many events a process makes, it is looked for once a
//! second at most.

use std::collections::HashMap;
use std::sync::Arc;

use super::ancestry::{Place, Process};

/// How long an answer is taken for what holds, in milliseconds: a process may enter other namespaces at any time.
const HOLDS: u64 = 1000;

/// Most answers that are kept.
const MOST: usize = 1024;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// By `Process::entity`: when it was asked, and the answer. That there is no such process any more is one too.
    known: HashMap<[u8; 12], (u64, Option<Arc<Place>>)>,
}

impl Places {
    /// The place of `process`, asked by `look` where no answer of the last second before `now` (milliseconds) is known.
    pub(crate) fn of(
        &mut self,
        process: &Process,
        now: u64,
        look: impl FnOnce() -> Option<Place>,
    ) -> Option<Arc<Place>> {
        let holds = |asked: u64| asked.abs_diff(now) < HOLDS;
        if let Some((asked, place)) = self.known.get(&process.entity)
            && holds(*asked)
        {
            return place.clone();
        }
        if self.known.len() >= MOST {
            self.known.retain(|_, (asked, _)| holds(*asked));
            if self.known.len() >= MOST {
                self.known.clear();
            }
        }
        let place = look().map(Arc::new);
        self.known.insert(process.entity, (now, place.clone()));
        place
    }

    /// Asks again for `process`: it runs another program now.
    pub(crate) fn forget(&mut self, process: &Process) {
        self.known.remove(&process.entity);
    }
}
