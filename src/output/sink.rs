//! What the writer thread asks of a destination.

use std::io::{self, Write};
use std::time::Duration;

use super::message::Message;

/// What became of a message.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The receiver's system has all of it.
    Sent,
    /// Not yet: wait, then go on with the same message.
    Later,
    /// It cannot be delivered to this destination at all; the next one may.
    Lost(io::Error),
}

/// A destination. Nothing here blocks, but [`Sink::wait`] for its time.
pub(crate) trait Sink: Send {
    /// Starts with a message.
    fn begin(&mut self, message: &Message) -> Outcome;

    /// Goes on with the message that was begun, after [`Outcome::Later`].
    fn go_on(&mut self, message: &Message) -> Outcome;

    /// Waits until there may be room, for `at_most`; false when there is nothing to wait for but time.
    fn wait(&self, at_most: Duration) -> bool;

    /// Looks, while nothing is to be sent, whether what was sent has been read; sends again what was not. False when there
    /// is nothing to look for any more.
    fn look(&mut self) -> bool {
        false
    }

    /// Opens anew what stands under a path (after a log was rotated).
    fn reopen(&mut self) {}

    /// Why nothing goes out at the moment.
    fn trouble(&self) -> Option<String> {
        None
    }
}

/// Hands over `frame` from `sent` on to a stream or a file; `sent` goes on as it is taken.
///
/// # Errors
/// Not all was taken.
pub(super) fn write_rest(stream: &mut impl Write, frame: &[u8], sent: &mut usize) -> io::Result<()> {
    while let Some(rest) = frame.get(*sent..).filter(|rest| !rest.is_empty()) {
        match stream.write(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => *sent += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}
