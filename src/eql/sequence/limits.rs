//! What bounds the state of a sequence query.

use super::{Plan, Program, Sequences};
use crate::shares::{Cut, Held, Holder};

/// Bounds of what one query may hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most partial and undecided sequences; beyond it the oldest of whoever has most are given up, and counted.
    pub partials: usize,
    /// How long, in milliseconds, a partial of a query without `maxspan` is kept; none: for ever.
    pub span: Option<i64>,
}

impl Limits {
    /// No bounds: for a set of events that is finite anyway.
    pub const NONE: Limits = Limits { partials: usize::MAX, span: None };

    /// How long, in milliseconds, a sequence may take.
    pub(super) fn span_of(&self, plan: &Plan) -> Option<i64> {
        plan.maxspan.or(self.span)
    }
}

/// What is held is gone through for what is too old when this part of the longest span has passed.
const SWEEPS_PER_SPAN: i64 = 4;

/// Whether it is time for that again, where something is held for `span` milliseconds.
pub(crate) fn sweep_is_due(now: i64, swept: i64, span: i64) -> bool {
    now.saturating_sub(swept) >= (span / SWEEPS_PER_SPAN).max(1)
}

/// This part of what is held is given up at once, so that it is seldom done.
const EVICTED_PART: usize = 16;

impl<E: Clone> Sequences<E> {
    /// Drops what can never be completed any more, now and then.
    pub(super) fn sweep(&mut self, plan: &Plan) {
        let Some(span) = self.limits.span_of(plan) else { return };
        if sweep_is_due(self.now, self.swept, span) {
            self.forget_before(self.now.saturating_sub(span));
        }
    }

    /// Drops what can never be completed any more.
    pub fn forget_old(&mut self, program: &Program) {
        if let Some(span) = program.sequence().and_then(|plan| self.limits.span_of(plan)) {
            self.forget_before(self.now.saturating_sub(span));
        }
    }

    fn forget_before(&mut self, oldest: i64) {
        self.swept = self.now;
        let mut gone = 0;
        self.groups.retain(|_, group| {
            gone += group.forget_before(oldest);
            !group.is_empty()
        });
        self.held -= gone;
    }

    /// Makes room: whoever holds most gives up the oldest.
    pub(super) fn evict(&mut self) {
        let size = self.held.max(self.groups.len());
        let surplus = (size - self.limits.partials).max(size / EVICTED_PART).max(1);
        let mut held = Vec::with_capacity(size);
        self.held_by(&mut |holder, since, _| held.push(Held { holder, since, weight: 1 }));
        self.give_up(&Cut::of(held, surplus));
    }

    /// Gives up what the cut takes, for lack of room; it is counted.
    pub fn give_up(&mut self, cut: &Cut) {
        let mut gone = 0;
        let holder = self.holder;
        self.groups.retain(|_, group| {
            gone += group.give_up(&|partial| cut.takes(of(holder, &partial.events), partial.first));
            group.forget_leading(cut.oldest_kept(Holder::Times));
            !group.is_empty()
        });
        self.held -= gone;
        self.evicted += gone as u64;
    }

    /// Tells of each thing that is held whose it is, when it began, and its events.
    pub fn held_by<'s>(&'s self, tell: &mut dyn FnMut(Holder, i64, &'s [E])) {
        for group in self.groups.values() {
            for (since, events) in group.each() {
                tell(of(self.holder, events), since, events);
            }
            group.leading().into_iter().for_each(|millis| tell(Holder::Times, millis, &[]));
        }
    }
}

/// Whose a partial is: who began it.
fn of<E>(holder: fn(&E) -> Holder, events: &[E]) -> Holder {
    events.first().map_or(Holder::NoLogin, holder)
}
