//! What tests of several rooms share: waiting for another thread.

use std::time::{Duration, Instant};

/// Asks until it is so; panics after 30 seconds.
pub(crate) fn until(what: &str, mut is: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < Duration::from_secs(30), "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
