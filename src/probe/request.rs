//! What can be asked: [`LENGTH`] bytes, no more and no fewer.
//!
//! | bytes | what |
//! |---|---|
//! | 0 | version of the protocol, [`VERSION`] |
//! | 1 | the question: 1 process, 2 digest, 3 accounts, 4 auditing |
//! | 2, 3 | zero |
//! | 4 to 7 | a tag of the asker's, which the answer repeats |
//! | 8 to 11 | the pid, or from which entry on |
//! | 12 to 15 | zero |
//! | 16 to 23 | when the process began; zero for questions that are about none |
//!
//! Numbers are little-endian. Anything else is no request, and whoever sends it is hung up on.

/// Bytes of a request.
pub const LENGTH: usize = 24;

/// The version of the protocol. Probe and daemon come in one package; another version is refused.
pub const VERSION: u8 = 1;

/// A question with its tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Repeated by the answer, so that a late one is not taken for another.
    pub tag: u32,
    /// What is asked.
    pub question: Question,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Links, namespaces, executable and some of the environment of a process.
    Process(Target),
    /// SHA-256 of the file that a process runs.
    Digest(Target),
    /// State of the accounts' passwords and of the sudoers files, from this entry on.
    Accounts(u32),
    /// Status of the kernel's audit system, and the loaded rules from this one on.
    Auditing(u32),
}

/// A process: its number is given again, so its beginning belongs to its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The pid.
    pub pid: u32,
    /// When it began, in clock ticks since boot: field 22 of `/proc/PID/stat`.
    pub start: u64,
}

impl Request {
    /// The bytes of the request.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; LENGTH] {
        let (kind, number, start) = match self.question {
            Question::Process(Target { pid, start }) => (1, pid, start),
            Question::Digest(Target { pid, start }) => (2, pid, start),
            Question::Accounts(from) => (3, from, 0),
            Question::Auditing(from) => (4, from, 0),
        };
        let words = [u32::from_le_bytes([VERSION, kind, 0, 0]), self.tag, number, 0].map(u32::to_le_bytes);
        let mut bytes = [0; LENGTH];
        let all = words.iter().flatten().copied().chain(start.to_le_bytes());
        bytes.iter_mut().zip(all).for_each(|(place, byte)| *place = byte);
        bytes
    }

    /// Reads a request; `None` for everything that is none.
    ///
    /// ```
    /// # use auditward::probe::{Question, Request};
    /// let request = Request { tag: 7, question: Question::Auditing(0) };
    /// assert_eq!(Request::parse(&request.to_bytes()), Some(request));
    /// assert_eq!(Request::parse(b"GET / HTTP/1.1"), None);
    /// ```
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; LENGTH] = bytes.try_into().ok()?;
        let word = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        let start = u64::from_le_bytes(*bytes.last_chunk()?);
        let (tag, number) = (word(4)?, word(8)?);
        let target = Target { pid: number, start };
        let question = match *bytes.first_chunk()? {
            [VERSION, 1, 0, 0] => Question::Process(target),
            [VERSION, 2, 0, 0] => Question::Digest(target),
            [VERSION, 3, 0, 0] if start == 0 => Question::Accounts(number),
            [VERSION, 4, 0, 0] if start == 0 => Question::Auditing(number),
            _ => return None,
        };
        (word(12)? == 0).then_some(Self { tag, question })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_bytes_are_as_the_table_says() {
        let target = Target { pid: 0x0102_0304, start: 0x1112_1314_1516_1718 };
        let bytes = Request { tag: 0x2122_2324, question: Question::Digest(target) }.to_bytes();
        let head = [1, 2, 0, 0, 0x24, 0x23, 0x22, 0x21, 4, 3, 2, 1, 0, 0, 0, 0];
        assert_eq!(bytes[..16], head);
        assert_eq!(bytes[16..], [0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11]);
    }

    proptest! {
        /// Any bytes: no panic, and what is read writes itself again exactly.
        #[test]
        fn only_its_own_bytes_are_a_request(
            bytes in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..64),
                (0_u8..4, 0_u8..8, any::<[u8; 8]>(), prop_oneof![Just(0_u64), any::<u64>()]).prop_map(
                    |(version, kind, numbers, start)| {
                        let mut bytes = vec![version, kind, 0, 0];
                        bytes.extend(numbers);
                        bytes.extend([0; 4]);
                        bytes.extend(start.to_le_bytes());
                        bytes
                    }
                ),
            ],
        ) {
            if let Some(request) = Request::parse(&bytes) {
                prop_assert_eq!(&request.to_bytes()[..], &bytes[..]);
            }
        }

        /// Whatever is asked is understood.
        #[test]
        fn there_and_back(tag: u32, number: u32, start: u64, kind in 0..4) {
            let target = Target { pid: number, start };
            let question = match kind {
                0 => Question::Process(target),
                1 => Question::Digest(target),
                2 => Question::Accounts(number),
                _ => Question::Auditing(number),
            };
            let request = Request { tag, question };
            prop_assert_eq!(Request::parse(&request.to_bytes()), Some(request));
        }
    }
}
