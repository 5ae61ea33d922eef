//! Waiting for what comes bit by bit.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::path::Path;
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

/// The whole lines of a file that is being written, as text.
pub(crate) fn whole_lines(file: &Path) -> String {
    String::from_utf8_lossy(&whole_bytes(file)).into_owned()
}

/// The same as they stand there; nothing of a last line that has no end yet, and nothing where there is no file.
pub(crate) fn whole_bytes(file: &Path) -> Vec<u8> {
    let mut text = std::fs::read(file).unwrap_or_default();
    let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    text.truncate(whole);
    text
}
