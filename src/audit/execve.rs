//! The argument list of an exec, put together from its EXECVE records.
//!
//! The kernel (`kernel/auditsc.c`, `audit_log_execve_info`) writes `argc=N`, then for each argument
//! `aN=VALUE`, or for one that does not fit the record `aN_len=DIGITS aN[0]=PIECE aN[1]=PIECE …`, going on
//! in further EXECVE records. The length counts encoded characters. Neither argc nor an index bounds
//! anything here: memory follows the bytes that really came.

use memchr::memrchr;

use super::fields::{self, Field};
use super::reassembler::AuditEvent;
use super::types::RecordType;
use super::value;

/// The arguments of an exec: one buffer, and where each argument lies in it.
///
/// Reused from event to event, so that a steady stream allocates nothing.
#[derive(Debug)]
pub struct Arguments {
    bytes: Vec<u8>,
    list: Vec<Argument>,
    /// What `argc=` said; 0 where no record says it.
    pub argc: u64,
    /// Arguments that argc announces and no record brought, or that were dropped at the bound.
    pub missing: u64,
    /// Arguments that are given in part: not all pieces of them came.
    pub partial: u64,
    /// Pieces that are no part of the list, for argc does not reach their index.
    pub foreign: u64,
    /// Most bytes to hold, see [`Arguments::with_limit`].
    limit: usize,
}

#[derive(Clone, Copy, Debug)]
struct Argument {
    /// Where it ends in the buffer; it begins where the one before it ends.
    end: usize,
    /// Its place in the list that execve was given.
    index: u32,
}

/// More than an exec can hold: the kernel caps arguments and environment at 6 MiB together
/// (`execve(2)`).
const DEFAULT_LIMIT: usize = 16 << 20;

/// A larger buffer is given back before the next exec is read.
const RETAINED: usize = 256 << 10;

impl Default for Arguments {
    fn default() -> Self {
        Self::with_limit(DEFAULT_LIMIT)
    }
}

impl Arguments {
    /// Holds at most `limit` bytes (of arguments and of what tells where each lies); arguments beyond
    /// are counted in `missing`.
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        Self { bytes: Vec::new(), list: Vec::new(), argc: 0, missing: 0, partial: 0, foreign: 0, limit }
    }

    /// Reads the EXECVE records of `event`, replacing what was here.
    pub fn read(&mut self, event: &AuditEvent<'_>) {
        self.read_bodies(event.records().filter(|r| r.kind == RecordType::EXECVE).map(|r| r.body));
    }

    /// Reads the bodies of the EXECVE records of one event, replacing what was here.
    pub fn read_bodies<'a>(&mut self, bodies: impl Iterator<Item = &'a [u8]> + Clone) {
        self.clear();
        let mut open = None;
        for token in bodies.clone().flat_map(tokens) {
            if !self.take(token, &mut open) {
                return self.read_in_any_order(bodies);
            }
        }
        self.close(open);
        self.missing = self.argc.saturating_sub(self.list.len() as u64);
    }

    /// The arguments in order, as the exact bytes given to execve. With `missing` above 0 the list has
    /// gaps, see [`Arguments::index`].
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.list.len()).map(|at| self.get(at).unwrap_or_default())
    }

    /// The `at`th of the arguments that are here.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<&[u8]> {
        let end = self.list.get(at)?.end;
        let start = at.checked_sub(1).and_then(|before| self.list.get(before)).map_or(0, |before| before.end);
        self.bytes.get(start..end)
    }

    /// Which argument of the exec the `at`th here is: the same number unless one before it is missing.
    #[must_use]
    pub fn index(&self, at: usize) -> Option<u32> {
        self.list.get(at).map(|argument| argument.index)
    }

    /// How many arguments are here.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether none is here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether every argument that argc announces is here, with all its pieces.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.argc > 0 && self.missing == 0 && self.partial == 0
    }

    fn clear(&mut self) {
        if self.bytes.capacity() > RETAINED {
            self.bytes = Vec::new();
        }
        if self.list.capacity() > RETAINED / size_of::<Argument>() {
            self.list = Vec::new();
        }
        self.bytes.clear();
        self.list.clear();
        (self.argc, self.missing, self.partial, self.foreign) = (0, 0, 0, 0);
    }

    /// Takes what comes next in the kernel's order; `false` when it is something else.
    #[inline]
    fn take(&mut self, token: Token<'_>, open: &mut Option<Open>) -> bool {
        match token {
            Token::Argc(argc) => {
                if self.argc == 0 {
                    self.argc = argc;
                }
                return true;
            }
            Token::Length { argument, .. } | Token::Piece { argument, .. }
                if u64::from(argument) >= self.argc =>
            {
                // Unknown as yet, or beyond it.
                self.foreign += u64::from(self.argc > 0);
                return self.argc > 0;
            }
            _ => {}
        }
        match token {
            // The rest of a split argument is still to come, out of order, or is lost.
            Token::Piece { chunk: None, .. } if open.as_ref().is_some_and(Open::is_short) => false,
            Token::Piece { argument, chunk: None, field } => {
                self.close(open.take());
                let next = self.list.len();
                if argument as usize != next {
                    return (argument as usize) < next;
                }
                self.whole(argument, &field);
                true
            }
            _ => self.take_piece(token, open),
        }
    }

    /// A piece of a long argument, or its announcement.
    fn take_piece(&mut self, token: Token<'_>, open: &mut Option<Open>) -> bool {
        let (Token::Length { argument, .. } | Token::Piece { argument, .. }) = token else { return true };
        if let Some(other) = open.take_if(|open| open.argument != argument) {
            if other.is_short() {
                return false;
            }
            self.close(Some(other));
        }
        if open.is_none() {
            let next = self.list.len();
            if argument as usize != next {
                return (argument as usize) < next;
            }
            *open = Some(Open { argument, ..Open::at(self.bytes.len()) });
        }
        let Some(open) = open else { return true };
        match token {
            Token::Length { length, .. } => {
                open.announced.get_or_insert(length);
                true
            }
            Token::Piece { chunk: Some(chunk), field, .. } if chunk == open.chunks => {
                self.piece(open, &field);
                true
            }
            Token::Piece { chunk: Some(chunk), .. } => chunk < open.chunks,
            _ => true,
        }
    }

    /// Adds an argument that came in one piece.
    #[inline]
    fn whole(&mut self, index: u32, field: &Field<'_>) {
        if !self.has_room(field.raw.len()) {
            return;
        }
        if field.quoted || !value::hex_into(field.raw, &mut self.bytes) {
            self.bytes.extend_from_slice(field.raw);
        }
        self.list.push(Argument { end: self.bytes.len(), index });
    }

    /// Adds a piece to an open argument. Pieces in hex are joined before they are decoded.
    fn piece(&mut self, open: &mut Open, field: &Field<'_>) {
        open.chunks += 1;
        open.characters += field.raw.len() as u64;
        if !self.has_room(field.raw.len()) {
            open.dropped = true;
            return;
        }
        if field.quoted {
            self.decode(open);
        }
        self.bytes.extend_from_slice(field.raw);
        if field.quoted {
            open.encoded = self.bytes.len();
        }
    }

    /// Decodes the hex digits at the buffer's end in place; what is no hex stays.
    fn decode(&mut self, open: &mut Open) {
        let digits = self.bytes.get(open.encoded..).unwrap_or_default();
        if !digits.is_empty() && digits.len() % 2 == 0 && digits.iter().all(u8::is_ascii_hexdigit) {
            let end = self.bytes.len();
            for (to, from) in (open.encoded..).zip((open.encoded..end).step_by(2)) {
                let pair = self.bytes.get(from..from + 2).unwrap_or_default();
                let byte = value::hexadecimal(pair).and_then(|byte| u8::try_from(byte).ok()).unwrap_or(0);
                if let Some(place) = self.bytes.get_mut(to) {
                    *place = byte;
                }
            }
            self.bytes.truncate(open.encoded + (end - open.encoded) / 2);
        }
        open.encoded = self.bytes.len();
    }

    /// Ends an argument that came in pieces.
    fn close(&mut self, open: Option<Open>) {
        let Some(mut open) = open else { return };
        if open.dropped || open.chunks == 0 {
            self.bytes.truncate(open.start);
            return;
        }
        self.decode(&mut open);
        self.partial += u64::from(open.gap || open.is_short());
        self.list.push(Argument { end: self.bytes.len(), index: open.argument });
    }

    #[inline]
    fn has_room(&self, more: usize) -> bool {
        self.bytes.len() + more + (self.list.len() + 1) * size_of::<Argument>() <= self.limit
    }

    /// As [`Arguments::read_bodies`], for records that came out of order or with gaps between them.
    #[cold]
    fn read_in_any_order<'a>(&mut self, bodies: impl Iterator<Item = &'a [u8]>) {
        self.clear();
        let mut pieces = Vec::new();
        let mut lengths = Vec::new();
        for token in bodies.flat_map(tokens) {
            match token {
                Token::Argc(argc) if self.argc == 0 => self.argc = argc,
                Token::Argc(_) => {}
                Token::Length { argument, length } => lengths.push((argument, length)),
                Token::Piece { argument, chunk, field } => pieces.push((argument, chunk, field)),
            }
        }
        // Stable: of a piece that came twice the first counts.
        pieces.sort_by_key(|(argument, chunk, _)| (*argument, *chunk));
        pieces.dedup_by_key(|(argument, chunk, _)| (*argument, *chunk));
        lengths.sort_by_key(|(argument, _)| *argument);
        let said = self.argc;
        let highest = pieces.last().map_or(0, |(argument, ..)| u64::from(*argument) + 1);
        let known = if said > 0 { said } else { highest };
        let mut open: Option<Open> = None;
        for (argument, chunk, field) in pieces {
            if u64::from(argument) >= known {
                self.foreign += 1;
                continue;
            }
            if open.as_ref().is_some_and(|open| open.argument != argument) {
                self.close(open.take());
            }
            let Some(chunk) = chunk else {
                // Whole, and sorted before any pieces of the same argument.
                self.whole(argument, &field);
                continue;
            };
            if open.is_none() && self.list.last().is_some_and(|last| last.index == argument) {
                continue;
            }
            let start = self.bytes.len();
            let current = open.get_or_insert_with(|| Open {
                argument,
                announced: lengths
                    .binary_search_by_key(&argument, |(argument, _)| *argument)
                    .ok()
                    .and_then(|at| lengths.get(at))
                    .map(|(_, length)| *length),
                ..Open::at(start)
            });
            current.gap |= chunk != current.chunks;
            self.piece(current, &field);
            current.chunks = chunk.saturating_add(1);
        }
        self.close(open);
        self.missing = known.saturating_sub(self.list.len() as u64);
    }
}

/// An argument of which pieces are still to come.
#[derive(Debug)]
struct Open {
    argument: u32,
    /// Where it begins in the buffer.
    start: usize,
    /// Where the hex digits that are not yet decoded begin.
    encoded: usize,
    /// The number of the piece that comes next.
    chunks: u32,
    /// Encoded characters so far, and how many `aN_len` announced.
    characters: u64,
    announced: Option<u64>,
    /// A piece is absent, or did not fit the bound.
    gap: bool,
    dropped: bool,
}

impl Open {
    /// Whether its pieces do not come to the length that `aN_len` announced.
    fn is_short(&self) -> bool {
        self.announced.is_some_and(|announced| announced != self.characters)
    }

    fn at(start: usize) -> Self {
        Self {
            argument: 0,
            start,
            encoded: start,
            chunks: 0,
            characters: 0,
            announced: None,
            gap: false,
            dropped: false,
        }
    }
}

/// What a `key=value` of an EXECVE record says.
#[derive(Clone, Copy, Debug)]
enum Token<'a> {
    Argc(u64),
    Length { argument: u32, length: u64 },
    Piece { argument: u32, chunk: Option<u32>, field: Field<'a> },
}

fn tokens(body: &[u8]) -> impl Iterator<Item = Token<'_>> {
    fields::kernel(body).filter_map(token)
}

#[inline]
fn token(field: Field<'_>) -> Option<Token<'_>> {
    let rest = field.key.strip_prefix(b"a")?;
    let digits = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
    let (index, form) = rest.split_at(digits);
    if index.is_empty() {
        return (field.key == b"argc").then(|| value::unsigned(field.raw).map(Token::Argc))?;
    }
    let argument = number(index)?;
    match form {
        [] => Some(Token::Piece { argument, chunk: None, field }),
        b"_len" => Some(Token::Length { argument, length: value::unsigned(field.raw)? }),
        [b'[', chunk @ .., b']'] => Some(Token::Piece { argument, chunk: Some(number(chunk)?), field }),
        _ => None,
    }
}

#[inline]
fn number(digits: &[u8]) -> Option<u32> {
    value::unsigned(digits).and_then(|number| u32::try_from(number).ok())
}

/// Whether an EXECVE record that stands for itself names its last argument; the cheap proof that the
/// list is whole, since the kernel writes arguments in order. `false` proves nothing.
pub(super) fn ends_with_last_argument(body: &[u8]) -> bool {
    let argc = body
        .strip_prefix(b"argc=")
        .and_then(|rest| value::unsigned(rest.split(|&byte| byte == b' ').next().unwrap_or_default()));
    let last = memrchr(b' ', body)
        .and_then(|blank| body.get(blank + 1..))
        .and_then(|last| last.strip_prefix(b"a"))
        .and_then(|rest| value::unsigned(rest.split(|&byte| byte == b'=').next().unwrap_or_default()));
    matches!((argc, last), (Some(argc), Some(last)) if last.checked_add(1) == Some(argc))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(records: &[&str]) -> Arguments {
        let mut arguments = Arguments::default();
        arguments.read_bodies(records.iter().map(|text| text.as_bytes()));
        arguments
    }

    fn show(arguments: &Arguments) -> Vec<String> {
        arguments.iter().map(|argument| argument.escape_ascii().to_string()).collect()
    }

    #[test]
    fn texts_that_look_like_something_else_are_texts() {
        let arguments = read(&[r#"argc=6 a0="" a1="?" a2="(null)" a3="DEADBEEF" a4="a4=x" a5=00FF"#]);
        assert_eq!(show(&arguments), ["", "?", "(null)", "DEADBEEF", "a4=x", r"\x00\xff"]);
        assert!(arguments.is_whole());
    }

    #[test]
    fn an_unquoted_text_that_is_no_hex_is_taken_as_it_is() {
        let arguments = read(&["argc=3 a0=(null) a1=ABC a2="]);
        assert_eq!(show(&arguments), ["(null)", "ABC", ""]);
        let arguments = read(&["argc=1 a0[0]=(null)"]);
        assert_eq!(show(&arguments), ["(null)"]);
        assert!(arguments.is_whole());
    }

    #[test]
    fn pieces_are_joined_before_they_are_decoded() {
        // Cut in the middle of a byte, as no kernel does.
        let arguments = read(&["argc=2 a0_len=8 a0[0]=612 a0[1]=0", " a0[2]=6263 a1=\"x\""]);
        assert_eq!(show(&arguments), ["a bc", "x"]);
        assert!(arguments.is_whole());
        let arguments = read(&["argc=1 a0_len=6 a0[0]=\"abc\" a0[1]=\"def\""]);
        assert_eq!(show(&arguments), ["abcdef"]);
        assert!(arguments.is_whole());
        // One in hex between two in quotes.
        let arguments = read(&["argc=1 a0_len=8 a0[0]=\"abc\" a0[1]=20 a0[2]=\"def\""]);
        assert_eq!(show(&arguments), ["abc def"]);
    }

    #[test]
    fn an_index_costs_nothing() {
        let arguments = read(&[r#"argc=1 a0="x" a10000000="x" a4294967295="y" a99999999999="z""#]);
        assert_eq!((show(&arguments), arguments.foreign), (vec!["x".to_owned()], 2));
        assert!(arguments.is_whole());
        let arguments = read(&[r#"a10000000="x""#]);
        assert_eq!((show(&arguments), arguments.index(0)), (vec!["x".to_owned()], Some(10_000_000)));
        assert_eq!((arguments.argc, arguments.missing), (0, 10_000_000));
        assert!(!arguments.is_whole());
    }

    #[test]
    fn argc_costs_nothing() {
        let arguments = read(&[r#"argc=4294967295 a0="x" a9="y""#]);
        assert_eq!(show(&arguments), ["x", "y"]);
        assert_eq!((arguments.index(0), arguments.index(1), arguments.index(2)), (Some(0), Some(9), None));
        assert_eq!((arguments.argc, arguments.missing), (4_294_967_295, 4_294_967_293));
        let arguments = read(&["argc=18446744073709551615"]);
        assert_eq!((arguments.missing, arguments.is_empty()), (u64::MAX, true));
    }

    #[test]
    fn what_is_missing_is_known() {
        let arguments = read(&[r#"argc=4 a0="a" a1="b""#]);
        assert_eq!((arguments.len(), arguments.missing), (2, 2));
        let arguments = read(&["argc=1 a0_len=10 a0[0]=6161 a0[2]=6262"]);
        assert_eq!((show(&arguments), arguments.partial), (vec!["aabb".to_owned()], 1));
        let arguments = read(&["argc=2 a0_len=10 a0[0]=6161", " a1=\"x\""]);
        assert_eq!((show(&arguments), arguments.partial), (vec!["aa".to_owned(), "x".to_owned()], 1));
        let arguments = read(&["argc=1 a0_len=10"]);
        assert_eq!((arguments.len(), arguments.missing), (0, 1));
        assert!(!read(&[]).is_whole() && !read(&[""]).is_whole());
    }

    #[test]
    fn what_comes_twice_counts_once() {
        let once = r#"argc=3 a0="a" a1_len=4 a1[0]=61 a1[1]=62 a2="c""#;
        for records in [vec![once, once], vec![once, r#"a0="other" a1[1]=63 a1="w""#]] {
            let arguments = read(&records);
            assert_eq!(show(&arguments), ["a", "ab", "c"]);
            assert!(arguments.is_whole());
        }
    }

    #[test]
    fn memory_follows_the_bound_and_is_given_back() {
        let long = format!("argc=3 a0=\"a\" a1=\"{}\" a2=\"c\"", "x".repeat(1000));
        let mut arguments = Arguments::with_limit(200);
        arguments.read_bodies([long.as_bytes()].into_iter());
        assert_eq!((arguments.argc, arguments.missing), (3, 1));
        assert_eq!(arguments.index(1), Some(2));
        let pieces = format!("argc=2 a0_len=2000 a0[0]={} a1=\"c\"", "61".repeat(1000));
        arguments.read_bodies([pieces.as_bytes()].into_iter());
        assert_eq!((show(&arguments), arguments.missing), (vec!["c".to_owned()], 1));

        let mut arguments = Arguments::default();
        let huge = format!("argc=1 a0=\"{}\"", "x".repeat(1 << 20));
        arguments.read_bodies([huge.as_bytes()].into_iter());
        assert!(arguments.bytes.capacity() >= 1 << 20);
        arguments.read_bodies([&b"argc=1 a0=\"x\""[..]].into_iter());
        assert!(arguments.bytes.capacity() <= RETAINED);
    }

    #[test]
    fn the_last_argument_proves_the_list_whole() {
        for (body, whole) in [
            (r#"argc=1 a0="x""#, true),
            (r#"argc=3 a0="x" a1=20 a2="""#, true),
            (r#"argc=3 a0="x" a1=20"#, false),
            (r#"argc=1 a0[0]="x""#, false),
            (r#"argc=0 a4294967295="x""#, false),
            (r#"argc=1 a18446744073709551615="x""#, false),
            ("argc=0", false),
            (r#"a0="x""#, false),
            ("", false),
        ] {
            assert_eq!(ends_with_last_argument(body.as_bytes()), whole, "{body}");
        }
    }
}
