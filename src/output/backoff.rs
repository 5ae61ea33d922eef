//! Ever longer pauses between attempts, a little different on every host.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// Doubles from the shortest to the longest pause.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    shortest: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(shortest: Duration, longest: Duration) -> Self {
        Self { shortest, longest, next: shortest }
    }

    /// The pause to make now: between three quarters and all of the step, so that a thousand senders
    /// do not come back in the same instant.
    pub(crate) fn next(&mut self) -> Duration {
        let step = self.next;
        self.next = step.saturating_mul(2).min(self.longest);
        // std's hasher keys are the randomness at hand; nothing here must be unpredictable.
        let jitter = u32::try_from(RandomState::new().build_hasher().finish() % 256).unwrap_or_default();
        step - step / 4 * jitter / 256
    }

    /// It worked: the next trouble starts small again.
    pub(crate) fn reset(&mut self) {
        self.next = self.shortest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_start_again() {
        let mut backoff = Backoff::new(Duration::from_millis(20), Duration::from_secs(1));
        for step in [20, 40, 80, 160, 320, 640, 1000, 1000] {
            let pause = backoff.next();
            assert!(pause <= Duration::from_millis(step) && pause >= Duration::from_millis(step * 3 / 4));
        }
        backoff.reset();
        assert!(backoff.next() <= Duration::from_millis(20));
    }
}
