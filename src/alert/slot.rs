//! What is gathered about an alert on its host once it was made: written once, and waited for a while.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Bytes of what is gathered about one alert at most; also what an alert is taken to hold of it while it waits.
pub(crate) const MOST: usize = 32 << 10;

/// What stands where nothing came in time.
const LATE: &str = r#"{"missing":[{"what":"everything","reason":"it was not gathered in time"}]}"#;

/// What stands where there was no room to ask.
const CROWDED: &str = r#"{"missing":[{"what":"everything","reason":"too many alerts came at once"}]}"#;

/// See the module's page.
#[derive(Debug, Default)]
pub(super) struct Slot {
    state: Mutex<State>,
    settled: Condvar,
    /// The same as long as it is there: queues add it and take it away again.
    size: usize,
}

#[derive(Debug, Default)]
enum State {
    /// Nobody gathers anything.
    #[default]
    Nothing,
    /// Until then.
    Awaited(Instant),
    /// A JSON object.
    Written(Box<str>),
}

impl Slot {
    pub(super) fn awaited(until: Instant) -> Self {
        Self { state: Mutex::new(State::Awaited(until)), size: MOST / 2, ..Self::default() }
    }

    /// Nothing is gathered, since more came at once than can be asked about.
    pub(super) fn crowded_out() -> Self {
        Self { state: Mutex::new(State::Written(CROWDED.into())), size: CROWDED.len(), ..Self::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes `text`, a JSON object; false where it is not awaited any more.
    pub(super) fn write(&self, text: String) -> bool {
        let mut state = self.state();
        let awaited = matches!(*state, State::Awaited(_));
        if awaited {
            *state = State::Written(text.into());
            drop(state);
            self.settled.notify_all();
        }
        awaited
    }

    /// Whether it will not change any more, be it that nothing came by `now`.
    pub(super) fn is_settled(&self, now: Instant) -> bool {
        match *self.state() {
            State::Nothing | State::Written(_) => true,
            State::Awaited(until) => until <= now,
        }
    }

    /// There was no room for it after all; false where it is not awaited any more.
    pub(super) fn crowd_out(&self) -> bool {
        self.write(CROWDED.to_owned())
    }

    /// Waits until it is settled.
    pub(super) fn wait(&self) {
        let mut state = self.state();
        while let State::Awaited(until) = *state {
            let now = Instant::now();
            if until <= now {
                break;
            }
            state = self.settled.wait_timeout(state, until - now).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Where something is awaited still, that is given up: from now on all who ask read the same.
    pub(super) fn give_up(&self) {
        let mut state = self.state();
        if matches!(*state, State::Awaited(_)) {
            *state = State::Written(LATE.into());
            drop(state);
            self.settled.notify_all();
        }
    }

    /// What was written.
    pub(super) fn written(&self) -> Option<Box<str>> {
        match &*self.state() {
            State::Written(text) => Some(text.clone()),
            _ => None,
        }
    }

    /// Bytes of memory that it takes or will take.
    pub(super) fn size(&self) -> usize {
        self.size
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_is_written_once_and_all_read_the_same() {
        let long = Instant::now() + Duration::from_secs(600);
        let slot = Slot::awaited(long);
        assert!(!slot.is_settled(Instant::now()));
        assert!(slot.is_settled(long));
        assert!(slot.write("{}".to_owned()));
        assert!(slot.is_settled(Instant::now()));
        assert!(!slot.write("{\"a\":1}".to_owned()), "a second time");
        slot.give_up();
        assert_eq!(slot.written().as_deref(), Some("{}"));
        slot.wait();
    }

    #[test]
    fn what_is_given_up_stays_so_and_is_said() {
        let slot = Slot::awaited(Instant::now() + Duration::from_secs(600));
        assert_eq!(slot.written(), None);
        slot.give_up();
        assert!(!slot.write("{}".to_owned()));
        assert_eq!(slot.written().as_deref(), Some(LATE));
        let nothing = Slot::default();
        nothing.give_up();
        assert_eq!(nothing.written(), None);
        assert!(serde_json::from_str::<serde_json::Value>(LATE).expect("JSON").is_object());
    }

    #[test]
    fn where_there_was_no_room_that_is_said_at_once() {
        let slot = Slot::crowded_out();
        assert!(slot.is_settled(Instant::now()));
        assert!(!slot.write("{}".to_owned()));
        assert_eq!(slot.written().as_deref(), Some(CROWDED));
        assert!(serde_json::from_str::<serde_json::Value>(CROWDED).expect("JSON").is_object());
    }

    #[test]
    fn who_waits_is_woken() {
        let slot = Slot::awaited(Instant::now() + Duration::from_secs(600));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| slot.wait());
            assert!(slot.write("{}".to_owned()));
            waiting.join().expect("woken");
        });
    }
}
