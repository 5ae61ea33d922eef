//! What an exec made of a process: program, directory, arguments, in one small piece of memory.

use std::num::NonZeroU64;
use std::sync::Arc;

/// Most bytes of arguments that are kept for children to see; the true number of arguments is kept too.
const MOST_ARGUMENT_BYTES: usize = 2048;

/// Program, name, directory and arguments of a process, as its last exec (or /proc) told them.
///
/// One piece of memory, shared by a process and the children it forks: the number by which the table knows its
/// like (eight bytes), how many arguments there were and how many are kept (four bytes each), which parts are
/// known (one byte), then executable NUL directory NUL name NUL argument NUL argument NUL …; paths and arguments
/// hold no NUL.
#[derive(Clone, Debug)]
pub struct Image(Arc<[u8]>);

impl PartialEq for Image {
    fn eq(&self, other: &Self) -> bool {
        self.content() == other.content()
    }
}

impl Eq for Image {}

const EXECUTABLE: u8 = 1;
const DIRECTORY: u8 = 2;
const NAME: u8 = 4;
const ARGUMENTS: u8 = 8;
/// A text had a NUL, which was left out.
const ALTERED: u8 = 16;

/// Where what it says begins, and where the texts do.
const CONTENT: usize = 8;
const HEAD: usize = CONTENT + 9;

impl Image {
    /// An image of what is known; `arguments` is `None` where no exec and no /proc told them, and with them
    /// comes their true number.
    #[must_use]
    pub fn new(
        executable: Option<&[u8]>,
        directory: Option<&[u8]>,
        name: Option<&[u8]>,
        arguments: Option<(&mut dyn Iterator<Item = &[u8]>, u64)>,
    ) -> Self {
        let mut text = Vec::with_capacity(256);
        text.resize(HEAD, 0);
        let mut known = 0;
        for (part, bit) in [(executable, EXECUTABLE), (directory, DIRECTORY), (name, NAME)] {
            if let Some(part) = part {
                known |= bit | put(part, &mut text);
            }
            text.push(0);
        }
        let (mut kept, mut count) = (0_u32, 0);
        if let Some((arguments, announced)) = arguments {
            known |= ARGUMENTS;
            let limit = text.len() + MOST_ARGUMENT_BYTES;
            for argument in arguments {
                if text.len() + argument.len() >= limit {
                    break;
                }
                known |= put(argument, &mut text);
                text.push(0);
                kept += 1;
            }
            count = u32::try_from(announced).unwrap_or(u32::MAX).max(kept);
        }
        let head =
            [0; CONTENT].into_iter().chain(count.to_le_bytes()).chain(kept.to_le_bytes()).chain([known]);
        for (place, byte) in text.iter_mut().zip(head) {
            *place = byte;
        }
        Self(text.into())
    }

    /// What it says.
    pub(super) fn content(&self) -> &[u8] {
        self.0.get(CONTENT..).unwrap_or_default()
    }

    /// Gives it the number by which its like is known: of two with one number the content is the same. Not
    /// once it is shared.
    pub(super) fn set_number(&mut self, number: NonZeroU64) {
        if let Some(place) = Arc::get_mut(&mut self.0).and_then(|bytes| bytes.first_chunk_mut()) {
            *place = number.get().to_le_bytes();
        }
    }

    /// That number, where it has one.
    pub(crate) fn number(&self) -> Option<NonZeroU64> {
        self.0.first_chunk().and_then(|bytes| NonZeroU64::new(u64::from_le_bytes(*bytes)))
    }

    /// Whether its texts are what was given, to the byte.
    pub(crate) fn is_exact(&self) -> bool {
        !self.knows(ALTERED)
    }

    /// Whether the program's path and its name are known.
    pub(crate) fn is_named(&self) -> bool {
        self.knows(EXECUTABLE) && self.knows(NAME)
    }

    fn count_at(&self, at: usize) -> u32 {
        self.content()
            .get(at..)
            .and_then(|rest| rest.first_chunk())
            .map_or(0, |bytes| u32::from_le_bytes(*bytes))
    }

    fn knows(&self, bit: u8) -> bool {
        self.0.get(HEAD - 1).is_some_and(|known| known & bit != 0)
    }

    /// What stands behind the first `texts` texts.
    fn behind(&self, texts: usize) -> &[u8] {
        let all = self.0.get(HEAD..).unwrap_or_default();
        match texts.checked_sub(1) {
            Some(last) => {
                memchr::memchr_iter(0, all).nth(last).and_then(|end| all.get(end + 1..)).unwrap_or_default()
            }
            None => all,
        }
    }

    fn part(&self, at: usize, bit: u8) -> Option<&[u8]> {
        let text = self.knows(bit).then(|| self.behind(at))?;
        text.get(..memchr::memchr(0, text).unwrap_or(text.len()))
    }

    /// The program's path.
    #[must_use]
    pub fn executable(&self) -> Option<&[u8]> {
        self.part(0, EXECUTABLE)
    }

    /// The working directory at the exec.
    #[must_use]
    pub fn directory(&self) -> Option<&[u8]> {
        self.part(1, DIRECTORY)
    }

    /// `process.name`.
    #[must_use]
    pub fn name(&self) -> Option<&[u8]> {
        self.part(2, NAME)
    }

    /// The arguments that were kept; `None` where they are not known.
    pub fn arguments(&self) -> Option<impl Iterator<Item = &[u8]>> {
        let kept = usize::try_from(self.count_at(4)).unwrap_or(usize::MAX);
        self.knows(ARGUMENTS).then(|| self.behind(3).split(|&b| b == 0).take(kept))
    }

    /// Whether `count` arguments are kept.
    pub(crate) fn holds_all(&self, count: usize) -> bool {
        self.knows(ARGUMENTS) && usize::try_from(self.count_at(4)).is_ok_and(|kept| kept == count)
    }

    /// The same in one piece, with a NUL between one and the next.
    pub(crate) fn joined_arguments(&self) -> Option<&[u8]> {
        let joined = self.knows(ARGUMENTS).then(|| self.behind(3))?;
        Some(joined.strip_suffix(b"\0").unwrap_or(joined))
    }

    /// How many arguments there were; `None` where they are not known.
    #[must_use]
    pub fn count(&self) -> Option<u32> {
        self.knows(ARGUMENTS).then(|| self.count_at(0))
    }

    /// Bytes of memory: the texts and two counts of those who share it.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.len() + 2 * size_of::<usize>()
    }

    /// Whether it is this very one, in the same place in memory.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// All of it, from which [`Image::of_bytes`] makes it again.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The image of [`Image::bytes`].
    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// A copy that shares no memory: the table counts who shares an image.
    pub(crate) fn detached(&self) -> Self {
        Self(Arc::from(&*self.0))
    }

    /// Whether nobody else shares it.
    #[must_use]
    pub(super) fn is_last(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

/// Adds a text, without NUL; says whether there was any.
fn put(part: &[u8], text: &mut Vec<u8>) -> u8 {
    if memchr::memchr(0, part).is_none() {
        text.extend_from_slice(part);
        return 0;
    }
    text.extend(part.iter().copied().filter(|&b| b != 0));
    ALTERED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        let args: [&[u8]; 4] = [b"sh", b"", b"-c", b"\xff"];
        let image = Image::new(Some(b"/bin/sh"), Some(b"/"), None, Some((&mut args.into_iter(), 4)));
        assert_eq!(image.executable(), Some(&b"/bin/sh"[..]));
        assert_eq!(image.directory(), Some(&b"/"[..]));
        assert_eq!(image.name(), None);
        assert_eq!(image.arguments().unwrap().collect::<Vec<_>>(), args);
        assert_eq!(image.joined_arguments().unwrap(), b"sh\0\0-c\0\xff");
        assert_eq!(image.count(), Some(4));
        let args: [&[u8]; 2] = [b"sh", b""];
        let image = Image::new(None, None, None, Some((&mut args.into_iter(), 2)));
        assert_eq!(image.joined_arguments().unwrap(), b"sh\0");
        let image = Image::new(None, None, None, Some((&mut std::iter::empty(), 0)));
        assert_eq!(image.joined_arguments().unwrap(), b"");
    }

    #[test]
    fn long_arguments_are_cut_and_the_true_number_is_kept() {
        let long = vec![b'x'; 3000];
        let args: [&[u8]; 3] = [b"sh", &long, b"y"];
        let image = Image::new(None, None, Some(b"sh"), Some((&mut args.into_iter(), 3)));
        assert_eq!(image.arguments().unwrap().collect::<Vec<_>>(), [b"sh"]);
        assert_eq!(image.count(), Some(3));
        assert!(image.size() < 200);
        assert!(Image::new(None, None, None, None).arguments().is_none());
    }
}
