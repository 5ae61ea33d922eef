//! What is answered, in at most [`LONGEST`] bytes.
//!
//! Version, state, question, zero, the tag of the request; then what the state says: of what is known the body that
//! belongs to the question, of what is not readable the number of the error.

use super::accounts::Page;
use super::auditing::Auditing;
use super::digest::Digest;
use super::process::Process;
use super::request::VERSION;
use super::words::{Reader, Writer};

/// Most bytes of an answer.
pub const LONGEST: usize = 4096;

/// Bytes before the body.
const HEAD: usize = 8;

/// Room for a body.
pub(super) const ROOM: usize = LONGEST - HEAD;

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// What was asked for.
    Known(Known),
    /// There is no such process any more; another may have its number.
    Gone,
    /// The kernel refused it: an error number (`errno(3)`).
    NotReadable(i32),
    /// It would take more bytes or more time than the probe gives.
    TooMuch,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// Of [`super::Question::Process`].
    Process(Box<Process>),
    /// Of [`super::Question::Digest`].
    Digest(Digest),
    /// Of [`super::Question::Accounts`].
    Accounts(Page),
    /// Of [`super::Question::Auditing`].
    Auditing(Box<Auditing>),
}

impl Answer {
    /// The bytes of the answer to the request with `tag`.
    #[must_use]
    pub fn to_bytes(&self, tag: u32) -> Vec<u8> {
        let mut to = Writer::default();
        let (state, question) = match self {
            Self::Known(Known::Process(_)) => (0, 1),
            Self::Known(Known::Digest(_)) => (0, 2),
            Self::Known(Known::Accounts(_)) => (0, 3),
            Self::Known(Known::Auditing(_)) => (0, 4),
            Self::Gone => (1, 0),
            Self::NotReadable(_) => (2, 0),
            Self::TooMuch => (3, 0),
        };
        [VERSION, state, question, 0].into_iter().for_each(|byte| to.u8(byte));
        to.u32(tag);
        match self {
            Self::Known(Known::Process(process)) => process.write(&mut to),
            Self::Known(Known::Digest(digest)) => digest.write(&mut to),
            Self::Known(Known::Accounts(page)) => page.write(&mut to),
            Self::Known(Known::Auditing(auditing)) => auditing.write(&mut to),
            Self::NotReadable(errno) => to.u32(errno.cast_unsigned()),
            Self::Gone | Self::TooMuch => {}
        }
        to.finish()
    }

    /// Reads an answer and its tag; `None` for what is none.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<(u32, Self)> {
        if bytes.len() > LONGEST {
            return None;
        }
        let mut from = Reader(bytes);
        let head = [from.u8()?, from.u8()?, from.u8()?, from.u8()?];
        let tag = from.u32()?;
        let answer = match head {
            [VERSION, 0, 1, 0] => Self::Known(Known::Process(Box::new(Process::read(&mut from)?))),
            [VERSION, 0, 2, 0] => Self::Known(Known::Digest(Digest::read(&mut from)?)),
            [VERSION, 0, 3, 0] => Self::Known(Known::Accounts(Page::read(&mut from)?)),
            [VERSION, 0, 4, 0] => Self::Known(Known::Auditing(Box::new(Auditing::read(&mut from)?))),
            [VERSION, 1, 0, 0] => Self::Gone,
            [VERSION, 2, 0, 0] => Self::NotReadable(from.u32()?.cast_signed()),
            [VERSION, 3, 0, 0] => Self::TooMuch,
            _ => return None,
        };
        from.is_empty().then_some((tag, answer))
    }
}

impl From<std::io::Error> for Answer {
    /// A process that ended between two reads is gone.
    fn from(error: std::io::Error) -> Self {
        use nix::errno::Errno;
        match error.raw_os_error().unwrap_or(0) {
            errno if errno == Errno::ESRCH as i32 => Self::Gone,
            errno => Self::NotReadable(errno),
        }
    }
}

impl From<nix::errno::Errno> for Answer {
    fn from(errno: nix::errno::Errno) -> Self {
        std::io::Error::from(errno).into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A probe that went mad cannot bring the daemon down: any bytes, no panic, and what is read writes itself
        /// again exactly.
        #[test]
        fn any_bytes_are_read(
            head in prop_oneof![Just([VERSION, 0]), any::<[u8; 2]>()],
            question in 0_u8..6,
            rest in proptest::collection::vec(prop_oneof![Just(0), Just(255), any::<u8>()], 0..300),
        ) {
            let mut bytes = head.to_vec();
            bytes.extend([question, 0]);
            bytes.extend(rest);
            if let Some((tag, answer)) = Answer::parse(&bytes) {
                prop_assert_eq!(answer.to_bytes(tag), bytes);
            }
        }
    }

    #[test]
    fn the_states_come_back() {
        for answer in [Answer::Gone, Answer::NotReadable(13), Answer::TooMuch] {
            assert_eq!(Answer::parse(&answer.to_bytes(9)), Some((9, answer)));
        }
        assert_eq!(Answer::parse(&[0; 5000]), None);
        let mut longer = Answer::Gone.to_bytes(1);
        longer.push(0);
        assert_eq!(Answer::parse(&longer), None);
    }
}
