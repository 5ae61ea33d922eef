//! Waiting for what comes bit by bit.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// Calls `look` until all is there, for as long as it tells of more (how many so far): on a busy machine that takes its time.
/// Panics when for a minute no more came.
pub(crate) fn while_more_comes(what: &str, mut look: impl FnMut() -> Result<(), usize>) {
    let (mut most, mut grew) = (0, Instant::now());
    while let Err(so_far) = look() {
        if so_far > most {
            (most, grew) = (so_far, Instant::now());
        }
        assert!(grew.elapsed() < Duration::from_secs(60), "no {what}: {so_far} came, and no more");
        sleep(Duration::from_millis(200));
    }
}
