//! Messages that the receiver's system has taken and the receiver has perhaps not read.
//!
//! Syslog has no acknowledgement: what stands in a socket when its receiver is killed is gone, and nobody is told. So the
//! last messages are kept for a while, and sent again to the next receiver when the one before ended with some of them
//! unread. One of them may arrive twice then: the alert's id says so.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Messages that are kept at most, and their bytes: more than a receiver's socket holds that is not read from.
const MESSAGES: usize = 1024;
const BYTES: usize = 512 << 10;

/// What a receiver over the network has acknowledged for so long, it has read, as long as it takes more.
const READ: Duration = Duration::from_secs(600);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Unread {
    sent: VecDeque<(Instant, Vec<u8>)>,
    bytes: usize,
    /// To be sent again before anything else, oldest first.
    again: VecDeque<Vec<u8>>,
}

impl Unread {
    /// The receiver's system has taken it.
    pub(super) fn taken(&mut self, message: Vec<u8>) {
        self.bytes += message.len();
        self.sent.push_back((Instant::now(), message));
        while self.sent.len() > MESSAGES || (self.bytes > BYTES && self.sent.len() > 1) {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some((_, first)) = self.sent.pop_front() {
            self.bytes = self.bytes.saturating_sub(first.len());
        }
    }

    /// All of it was read, but the last `but` messages perhaps not.
    pub(super) fn read(&mut self, but: usize) {
        while self.sent.len() > but {
            self.forget_first();
        }
    }

    /// What was taken long ago was read.
    pub(super) fn expire(&mut self) {
        while self.sent.front().is_some_and(|(taken, _)| taken.elapsed() > READ) {
            self.forget_first();
        }
    }

    /// The receiver has ended without reading all of it.
    pub(super) fn lost(&mut self) {
        self.bytes = 0;
        let before = self.sent.drain(..).map(|(_, message)| message);
        self.again = before.chain(std::mem::take(&mut self.again)).collect();
    }

    /// What is to be sent again next.
    pub(super) fn next(&self) -> Option<&[u8]> {
        self.again.front().map(Vec::as_slice)
    }

    /// It was; as `taken`, or it never can be.
    pub(super) fn sent_again(&mut self, taken: bool) {
        if let Some(message) = self.again.pop_front().filter(|_| taken) {
            self.taken(message);
        }
    }

    /// Whether there is something that may have to be sent again.
    pub(super) fn is_empty(&self) -> bool {
        self.sent.is_empty() && self.again.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_read_comes_again_in_order_and_no_more_than_the_bound() {
        let mut unread = Unread::default();
        (0..MESSAGES + 10).for_each(|n| unread.taken(n.to_string().into_bytes()));
        unread.read(3);
        unread.lost();
        let mut again = Vec::new();
        while let Some(message) = unread.next() {
            again.push(String::from_utf8(message.to_vec()).unwrap());
            unread.sent_again(true);
            if again.len() == 2 {
                // The next receiver ends too, before it has read anything.
                unread.lost();
                again.push("lost".to_owned());
            }
        }
        assert_eq!(again, ["1031", "1032", "lost", "1031", "1032", "1033"]);
        assert!(!unread.is_empty());
        unread.read(0);
        assert!(unread.is_empty() && unread.bytes == 0);
        (0..3).for_each(|_| unread.taken(vec![0; BYTES / 2]));
        assert_eq!(unread.sent.len(), 2);
        unread.taken(vec![0; 2 * BYTES]);
        assert_eq!((unread.sent.len(), unread.bytes), (1, 2 * BYTES), "one is always kept");
    }
}
