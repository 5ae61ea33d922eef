//! A bounded queue that its users share: who waits in it is served by turns of the login users, and where there is no room
//! whoever has most in it gives way.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::shares::Holder;

/// See the module.
#[derive(Debug)]
pub(super) struct FairQueue<T> {
    most: usize,
    state: Mutex<State<T>>,
    came: Condvar,
}

#[derive(Debug)]
struct State<T> {
    /// Whoever is in front is served next.
    turns: VecDeque<(Holder, VecDeque<T>)>,
    length: usize,
    closed: bool,
}

impl<T> FairQueue<T> {
    /// With room for `most`.
    pub(super) fn new(most: usize) -> Self {
        let state = State { turns: VecDeque::new(), length: 0, closed: false };
        Self { most, state: Mutex::new(state), came: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many of this holder's wait, and how many of all.
    pub(super) fn waiting(&self, holder: Holder) -> (usize, usize) {
        let state = self.state();
        (state.of(holder), state.length)
    }

    /// Whether one of this holder's would find room, be it another's.
    pub(super) fn has_room(&self, holder: Holder) -> bool {
        let state = self.state();
        state.length < self.most || state.largest() > state.of(holder) + 1
    }

    /// Takes `item` in. Never waits; gives back what there is no room for: itself, or the newest of whoever has most.
    pub(super) fn push(&self, holder: Holder, item: T) -> Option<T> {
        let mut state = self.state();
        if state.closed {
            return Some(item);
        }
        let mut out = None;
        if state.length >= self.most {
            if state.largest() <= state.of(holder) + 1 {
                return Some(item);
            }
            out = state.drop_of_largest();
        }
        match state.turns.iter_mut().find(|(other, _)| *other == holder) {
            Some((_, waiting)) => waiting.push_back(item),
            None => state.turns.push_back((holder, VecDeque::from([item]))),
        }
        state.length += 1;
        drop(state);
        self.came.notify_one();
        out
    }

    /// The next; waits for one. None once it is closed and empty.
    pub(super) fn pop(&self) -> Option<T> {
        let mut state = self.state();
        loop {
            if let Some((holder, mut waiting)) = state.turns.pop_front() {
                let item = waiting.pop_front();
                if !waiting.is_empty() {
                    state.turns.push_back((holder, waiting));
                }
                state.length -= usize::from(item.is_some());
                return item;
            }
            if state.closed {
                return None;
            }
            state = self.came.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Nothing more comes; what waits is still served.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.came.notify_all();
    }
}

impl<T> State<T> {
    fn of(&self, holder: Holder) -> usize {
        self.turns.iter().find(|(other, _)| *other == holder).map_or(0, |(_, waiting)| waiting.len())
    }

    fn largest(&self) -> usize {
        self.turns.iter().map(|(_, waiting)| waiting.len()).max().unwrap_or(0)
    }

    fn drop_of_largest(&mut self) -> Option<T> {
        let (_, waiting) = self.turns.iter_mut().max_by_key(|(_, waiting)| waiting.len())?;
        let item = waiting.pop_back()?;
        self.length -= 1;
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORM: Holder = Holder::Login(1_000);
    const ROOT: Holder = Holder::Login(0);

    #[test]
    fn a_storm_gives_way_and_waits_for_its_turn() {
        let queue = FairQueue::new(4);
        for n in 0..4 {
            assert_eq!(queue.push(STORM, n), None);
        }
        assert_eq!(queue.push(STORM, 4), Some(4), "its own is refused");
        assert!(!queue.has_room(STORM) && queue.has_room(ROOT));
        assert_eq!(queue.push(ROOT, 10), Some(3), "the storm's newest gives way");
        assert_eq!(queue.push(ROOT, 11), Some(2));
        assert_eq!(queue.push(ROOT, 12), Some(12), "nobody has more than root would");
        assert_eq!(queue.waiting(ROOT), (2, 4));
        queue.close();
        assert_eq!(queue.push(Holder::NoLogin, 20), Some(20), "it is closed");
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, [0, 10, 1, 11]);
    }

    #[test]
    fn who_waits_for_one_is_woken() {
        let queue = FairQueue::new(1);
        std::thread::scope(|scope| {
            let popped = scope.spawn(|| (queue.pop(), queue.pop()));
            assert_eq!(queue.push(ROOT, 1), None);
            queue.close();
            assert_eq!(popped.join().expect("woken"), (Some(1), None));
        });
    }
}
