//! The clock of the reassembler's timer: milliseconds since the path began, which no clock setting moves.

use std::time::{Duration, Instant};

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    /// A clock that stands at 0 now.
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Milliseconds since the start.
    pub(crate) fn millis(self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The moment to wake up at: when the clock shows `deadline`, but no later than `latest`.
    pub(crate) fn wake(self, deadline: Option<u64>, latest: Instant) -> Instant {
        deadline.map_or(latest, |millis| latest.min(self.0 + Duration::from_millis(millis)))
    }
}
