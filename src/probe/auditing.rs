//! What the kernel's audit system says of itself: AUDIT_GET, with the records that it lost, and the rules that are
//! loaded. Nothing is ever set.
//!
//! Of a rule all that counts is told, without the kilobyte of zeros that the kernel pads it with, so that the daemon
//! can hold the rules that it needs against those that are there ([`kernel_rules::missing`]).
//!
//! [`kernel_rules::missing`]: crate::audit::kernel_rules::missing

use nix::errno::Errno;

use super::answer::{Answer, Known, ROOM};
use super::words::{Reader, Writer};
use crate::audit::control::{Control, ControlError, Status};
use crate::audit::kernel_rules::LoadedRule;

/// Most rules whose texts are asked for page by page; hosts have a few hundred.
const MOST_RULES: usize = 20_000;

/// The status, and a page of the rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Auditing {
    /// The answer to AUDIT_GET.
    pub status: Status,
    /// How many rules are loaded.
    pub total: u32,
    /// The number of the first rule that is not on this page; [`Auditing::total`] on the last page.
    pub next: u32,
    /// The rules, in the kernel's order; `None` for one that finds no room in an answer.
    pub rules: Vec<Option<LoadedRule>>,
}

/// Asks the kernel; the page of rules begins with rule `from`.
#[must_use]
pub fn look(from: u32) -> Answer {
    match ask() {
        Ok((status, rules)) => Answer::Known(Known::Auditing(Box::new(page(status, &rules, from)))),
        Err(error) => Answer::NotReadable(errno(&error) as i32),
    }
}

fn ask() -> Result<(Status, Vec<LoadedRule>), ControlError> {
    let mut control = Control::open()?;
    Ok((control.status()?, control.rules()?))
}

fn errno(error: &ControlError) -> Errno {
    match error {
        ControlError::NotPermitted { .. } => Errno::EPERM,
        ControlError::NoAudit(_) => Errno::EPROTONOSUPPORT,
        ControlError::TimedOut { .. } => Errno::ETIMEDOUT,
        ControlError::Refused { errno, .. } => *errno,
        ControlError::NotUnderstood { .. } | ControlError::Socket { .. } => Errno::EIO,
    }
}

fn page(status: Status, rules: &[LoadedRule], from: u32) -> Auditing {
    let rules = rules.get(..MOST_RULES).unwrap_or(rules);
    let total = u32::try_from(rules.len()).unwrap_or(u32::MAX);
    let mut page = Auditing { status, total, next: total, rules: Vec::new() };
    let mut written = Writer::default();
    page.write(&mut written);
    let whole = ROOM.saturating_sub(written.finish().len());
    let mut room = whole;
    for (number, rule) in rules.iter().enumerate().skip(from as usize) {
        let size = size(Some(rule));
        let (rule, size) = if size > whole { (None, 1) } else { (Some(rule.clone()), size) };
        match room.checked_sub(size) {
            Some(rest) => room = rest,
            None => {
                page.next = u32::try_from(number).unwrap_or(total);
                break;
            }
        }
        page.rules.push(rule);
    }
    page
}

/// `AUDIT_BITMASK_SIZE` and `AUDIT_MAX_FIELDS` of `include/uapi/linux/audit.h`.
const WORDS: usize = 64;

/// Bytes of one of the four arrays of `struct audit_rule_data`: mask, fields, values, operators.
const ARRAY: usize = WORDS * 4;

/// Bytes before the arrays: list, action and the count of fields; behind them stand the length of the texts, and the
/// texts.
const FRONT: usize = 12;

fn size(rule: Option<&LoadedRule>) -> usize {
    let mut written = Writer::default();
    write_rule(rule, &mut written);
    written.finish().len()
}

/// A word of the struct, in the machine's byte order.
fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |word| u32::from_ne_bytes(*word))
}

/// 1, list, action, how many words of the mask follow, each with its number, how many fields follow, each as kind,
/// value and operator, and the texts; 0 for a rule that is left out.
fn write_rule(rule: Option<&LoadedRule>, to: &mut Writer) {
    let Some(bytes) = rule.map(LoadedRule::as_bytes) else { return to.u8(0) };
    to.u8(1);
    to.u32(word(bytes, 0));
    to.u32(word(bytes, 4));
    let mask = (0..64_u8).map(|number| (number, word(bytes, FRONT + usize::from(number) * 4)));
    let mask: Vec<_> = mask.filter(|(_, word)| *word != 0).collect();
    to.u8(u8::try_from(mask.len()).unwrap_or(u8::MAX));
    for (number, word) in mask {
        to.u8(number);
        to.u32(word);
    }
    let count = u8::try_from(word(bytes, 8)).unwrap_or(u8::MAX).min(64);
    to.u8(count);
    for at in (0..usize::from(count)).map(|field| FRONT + ARRAY + field * 4) {
        [at, at + ARRAY, at + 2 * ARRAY].into_iter().for_each(|at| to.u32(word(bytes, at)));
    }
    let texts = bytes.get(FRONT + 4 * ARRAY + 4..).unwrap_or_default();
    // Longer ones find no room anyway: `page` leaves the rule out.
    let length = u16::try_from(texts.len()).unwrap_or(u16::MAX);
    to.u16(length);
    texts.iter().take(usize::from(length)).for_each(|byte| to.u8(*byte));
}

#[expect(clippy::option_option, reason = "the bytes end too early, or the rule is left out")]
fn read_rule(from: &mut Reader<'_>) -> Option<Option<LoadedRule>> {
    if !from.bool()? {
        return Some(None);
    }
    let mut bytes = vec![0; FRONT + 4 * ARRAY];
    let mut put = |at: usize, word: u32| {
        if let Some(place) = bytes.get_mut(at..at + 4) {
            place.copy_from_slice(&word.to_ne_bytes());
        }
    };
    put(0, from.u32()?);
    put(4, from.u32()?);
    let mut last = None;
    for _ in 0..from.u8()? {
        let (number, word) = (from.u8()?, from.u32()?);
        // One way to write it only: in order, and what is zero left out.
        if usize::from(number) >= WORDS || last >= Some(number) || word == 0 {
            return None;
        }
        last = Some(number);
        put(FRONT + usize::from(number) * 4, word);
    }
    let count = from.u8().filter(|count| usize::from(*count) <= WORDS)?;
    put(8, u32::from(count));
    for at in (0..usize::from(count)).map(|field| FRONT + ARRAY + field * 4) {
        for at in [at, at + ARRAY, at + 2 * ARRAY] {
            put(at, from.u32()?);
        }
    }
    let length = from.u16()?;
    bytes.extend(u32::from(length).to_ne_bytes());
    for _ in 0..length {
        bytes.push(from.u8()?);
    }
    LoadedRule::parse(bytes).map(Some)
}

impl Auditing {
    pub(super) fn write(&self, to: &mut Writer) {
        let Status { enabled, failure, pid, rate_limit, backlog_limit, lost, backlog, .. } = self.status;
        [enabled, failure, pid, rate_limit, backlog_limit, lost, backlog].into_iter().for_each(|n| to.u32(n));
        let Status { features, backlog_wait_time, backlog_wait_time_actual, .. } = self.status;
        for number in [features, backlog_wait_time, backlog_wait_time_actual] {
            to.u8(u8::from(number.is_some()));
            to.u32(number.unwrap_or(0));
        }
        to.u32(self.total);
        to.u32(self.next);
        to.u16(u16::try_from(self.rules.len()).unwrap_or(u16::MAX));
        self.rules.iter().for_each(|rule| write_rule(rule.as_ref(), to));
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Option<Self> {
        let status = Status {
            enabled: from.u32()?,
            failure: from.u32()?,
            pid: from.u32()?,
            rate_limit: from.u32()?,
            backlog_limit: from.u32()?,
            lost: from.u32()?,
            backlog: from.u32()?,
            features: number(from)?,
            backlog_wait_time: number(from)?,
            backlog_wait_time_actual: number(from)?,
        };
        let (total, next) = (from.u32()?, from.u32()?);
        let count = from.u16()?;
        let rules = (0..count).map(|_| read_rule(from)).collect::<Option<Vec<_>>>()?;
        Some(Self { status, total, next, rules })
    }
}

/// A number that old kernels do not tell.
#[expect(clippy::option_option, reason = "the bytes end too early, or there is no number")]
fn number(from: &mut Reader<'_>) -> Option<Option<u32>> {
    match (from.bool()?, from.u32()?) {
        (true, number) => Some(Some(number)),
        (false, 0) => Some(None),
        (false, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::answer::LONGEST;
    use super::*;
    use crate::audit::kernel_rules::{Needs, Plan, Profile, missing};

    fn asked(status: Status, rules: &[LoadedRule], from: u32) -> Auditing {
        let answer = Answer::Known(Known::Auditing(Box::new(page(status, rules, from))));
        let bytes = answer.to_bytes(1);
        assert!(bytes.len() <= LONGEST, "{}", bytes.len());
        assert_eq!(Answer::parse(&bytes), Some((1, answer.clone())));
        match answer {
            Answer::Known(Known::Auditing(page)) => *page,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn pages_put_together_are_the_rules() {
        let wanted = Plan::of_this_host(&Needs::default(), Profile::All).rules;
        let loaded: Vec<LoadedRule> = wanted.iter().filter_map(|rule| rule.as_loaded()).collect();
        assert!(!loaded.is_empty() && loaded.len() == wanted.len());
        let many: Vec<LoadedRule> = loaded.iter().cycle().take(500).cloned().collect();
        let status = Status { enabled: 1, lost: 17, features: Some(0x7f), ..Status::default() };
        let (mut all, mut from) = (Vec::new(), 0);
        while from < 500 {
            let page = asked(status, &many, from);
            assert_eq!((page.status, page.total), (status, 500));
            assert!(page.next > from);
            (from, all) = (page.next, [all, page.rules].concat());
        }
        let all: Option<Vec<LoadedRule>> = all.into_iter().collect();
        assert_eq!(all.as_deref(), Some(&many[..]));
        assert!(missing(&all.expect("all"), &wanted).is_empty());
        assert!(asked(status, &many, u32::MAX).rules.is_empty());
    }

    #[test]
    fn a_rule_without_room_is_left_out_and_the_next_is_told() {
        // `-F path=` with a path of 5,000 bytes: AUDIT_WATCH (105), equal (0x4000_0000).
        let mut bytes = vec![0; FRONT + 4 * ARRAY];
        let words = [
            (0, 4),
            (4, 2),
            (8, 1),
            (FRONT + ARRAY, 105),
            (FRONT + 2 * ARRAY, 5000),
            (FRONT + 3 * ARRAY, 0x4000_0000),
        ];
        for (at, word) in words {
            bytes[at..at + 4].copy_from_slice(&u32::to_ne_bytes(word));
        }
        bytes.extend(5000_u32.to_ne_bytes());
        bytes.extend([b'x'; 5000]);
        let long = LoadedRule::parse(bytes).expect("a rule");
        let short = Plan::of_this_host(&Needs::default(), Profile::All).rules;
        let short = short.iter().find_map(|rule| rule.as_loaded()).expect("a rule");
        let page = asked(Status::default(), &[long, short.clone()], 0);
        assert_eq!((page.rules, page.next), (vec![None, Some(short)], 2));
    }
}
