//! What bounds the state of a sequence query.

use super::partial::Group;
use super::{Plan, Sequences};

/// Bounds of what one query may hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most partial and undecided sequences; beyond it the oldest are given up, and counted.
    pub partials: usize,
    /// How long, in milliseconds, a partial of a query without `maxspan` is kept; none: for ever.
    pub span: Option<i64>,
}

impl Limits {
    /// No bounds: for a set of events that is finite anyway.
    pub const NONE: Limits = Limits { partials: usize::MAX, span: None };
}

/// Groups are gone through for old partials when this part of the longest span has passed.
const SWEEPS_PER_SPAN: i64 = 4;
/// This part of what is held is given up at once, so that it is seldom done.
const EVICTED_PART: usize = 16;

impl<E: Clone> Sequences<E> {
    /// Drops what can never be completed any more, now and then.
    pub(super) fn sweep(&mut self, plan: &Plan) {
        let Some(span) = plan.maxspan.or(self.limits.span) else { return };
        let pause = (span / SWEEPS_PER_SPAN).max(1);
        if self.now.saturating_sub(self.swept) < pause {
            return;
        }
        self.swept = self.now;
        let oldest = self.now.saturating_sub(span);
        let mut gone = 0;
        self.groups.retain(|_, group| {
            gone += group.forget_before(oldest);
            !group.is_empty()
        });
        self.held -= gone;
    }

    /// Makes room: gives up the oldest.
    pub(super) fn evict(&mut self) {
        let size = self.held.max(self.groups.len());
        let surplus = (size - self.limits.partials).max(size / EVICTED_PART).max(1);
        let mut firsts: Vec<i64> = self.firsts().collect();
        let index = surplus.min(firsts.len()).saturating_sub(1);
        if firsts.is_empty() {
            return;
        }
        let (_, newest_of_old, _) = firsts.select_nth_unstable(index);
        let oldest_kept = newest_of_old.saturating_add(1);
        self.evict_before(oldest_kept);
    }

    /// Gives up all that began before `oldest_kept`, for lack of room; it is counted.
    pub fn evict_before(&mut self, oldest_kept: i64) {
        let mut gone = 0;
        self.groups.retain(|_, group| {
            gone += group.forget_before(oldest_kept) + group.give_up_before(oldest_kept);
            !group.is_empty()
        });
        self.held -= gone;
        self.evicted += gone as u64;
    }

    /// When each thing that is held began.
    pub fn firsts(&self) -> impl Iterator<Item = i64> {
        self.groups.values().flat_map(Group::firsts)
    }
}
