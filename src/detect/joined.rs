//! Rules that join several events: their state, and the order in which they see events.
//!
//! An event is asked about when it comes; what it fits then waits, for [`Limits::reorder`], for its place
//! in the order of stamps. Time here is that of the events (and, live, of the host's clock, which the
//! caller tells): it stands at the latest stamp less the window; what comes with an earlier stamp is late,
//! and matched as it comes.

use std::sync::Arc;

use super::awake::Awake;
use super::kept::{Evidence, Kept, Meter, Source};
use super::waiting::{First, Fit, Fits, Queued, RuleHits, Waiting};
use crate::audit::Shelf;
use crate::eql::{self, Found, Hits, Kind, Samples, Sequences};
use crate::event::document::Order;
use crate::event::{self, AuditDocument};
use crate::rule::Rule;
use crate::shares::{Cut, Held};

/// Bounds of what sequences and samples hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long events of sequences wait for earlier ones, in milliseconds.
    pub reorder: i64,
    /// How long a sequence without `maxspan` may take, in milliseconds.
    pub span: i64,
    /// The most partial sequences of one rule.
    pub partials: usize,
    /// The most partial sequences of all rules.
    pub all_partials: usize,
    /// The most bytes of events that are kept for alerts.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { reorder: 100, span: 3_600_000, partials: 4_096, all_partials: 16_384, bytes: 8 << 20 }
    }
}

/// What became of events and partial sequences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JoinCounts {
    /// Events of sequences that came too late for their place, and were matched as they came.
    pub late: u64,
    /// Partial sequences given up for lack of room, the oldest of whoever holds most first.
    pub evicted: u64,
    /// Complete but for the time in which something must not happen.
    pub undecided: u64,
    /// Partial sequences that are held.
    pub held: u64,
    /// Events with more combinations of key values than are followed.
    pub cut: u64,
    /// How often the clock was seen to have gone back.
    pub rewound: u64,
    /// Complete but for the time in which something must not happen, when the host was booted anew.
    pub booted: u64,
    /// Comparisons, of any rule or exception, that were false as far as combinations of values were tried.
    pub comparisons_cut: u64,
}

impl JoinCounts {
    pub(super) fn add(&mut self, other: &Self) {
        let Self { late, evicted, undecided, booted, held, cut, rewound, comparisons_cut } = other;
        self.late += late;
        self.evicted += evicted;
        self.undecided += undecided;
        self.booted += booted;
        self.held += held;
        self.cut += cut;
        self.rewound += rewound;
        self.comparisons_cut += comparisons_cut;
    }
}

/// The state of one rule.
#[derive(Debug)]
pub(super) enum State {
    Sequence(Sequences<Kept>),
    Sample(Samples<Kept>),
}

impl State {
    /// How many partial sequences and undecided ones, or events of samples.
    fn held(&self) -> usize {
        match self {
            Self::Sequence(sequences) => sequences.held(),
            Self::Sample(samples) => samples.held(),
        }
    }

    /// Whether an event could go on with something.
    fn is_awake(&self) -> bool {
        match self {
            Self::Sequence(sequences) => !sequences.is_empty(),
            Self::Sample(_) => true,
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) limits: Limits,
    pub(super) meter: Meter,
    /// By the numbers that the engine gave.
    pub(super) rules: Vec<(Arc<Rule>, State)>,
    awake: Awake,
    /// What waits for its place.
    waiting: Waiting,
    /// How many events ever waited; orders those of one stamp and serial.
    arrived: u64,
    /// Everything before this was matched.
    watermark: i64,
    /// The latest time that was told.
    now: i64,
    /// Nothing before this is to come, and everything before it was matched.
    placed: Option<Order>,
    /// Nothing waits for a place before this.
    waits_from: i64,
    /// The earliest time at which some rule decides something without an event.
    deadline: Option<i64>,
    /// When all rules were last gone through for what is too old.
    swept: i64,
    behind: Behind,
    late: u64,
    cut: u64,
    rewound: u64,
    booted: u64,
    found: Vec<Found<Kept>>,
}

/// Events in a row that were behind the watermark.
#[derive(Debug, Default)]
struct Behind {
    events: u32,
    newest: i64,
}

/// So many late events in a row mean that the clock went back.
const CLOCK_WENT_BACK: u32 = 256;
/// How often, in milliseconds, all rules are gone through for what is too old.
const SWEEP: i64 = 1_000;
/// The most events that wait for their place.
const QUEUE: usize = 1 << 14;
/// This part of what is held is given up at once.
const EVICTED_PART: usize = 16;

/// A rule's number, and a match of it.
pub(super) type Emit<'a> = dyn FnMut(usize, Vec<Kept>) + 'a;

impl Joined {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            meter: Meter::default(),
            rules: Vec::new(),
            awake: Awake::default(),
            waiting: Waiting::default(),
            arrived: 0,
            watermark: i64::MIN,
            now: i64::MIN,
            placed: None,
            waits_from: i64::MAX,
            deadline: None,
            swept: i64::MIN,
            behind: Behind::default(),
            late: 0,
            cut: 0,
            rewound: 0,
            booted: 0,
            found: Vec::new(),
        }
    }

    /// One for the same rules, of which nothing is held; both are measured together.
    pub(super) fn empty_one(&self) -> Self {
        let mut other = Self { meter: self.meter.clone(), ..Self::new(self.limits) };
        self.rules.iter().for_each(|(rule, _)| _ = other.add(rule));
        other
    }

    /// Takes `rule` in; its number.
    pub(super) fn add(&mut self, rule: &Arc<Rule>) -> usize {
        let state = match rule.program.kind() {
            Kind::Sample => {
                let items = rule.program.requirements().len();
                State::Sample(Samples::new(items, Some(look_back(&rule.from))).shared_by(Kept::holder))
            }
            _ => State::Sequence(Sequences::new(self.limits.of_one()).shared_by(Kept::holder)),
        };
        let number = self.rules.len();
        self.awake.note(number, 0, state.held(), state.is_awake());
        self.rules.push((Arc::clone(rule), state));
        number
    }

    /// Whether a rule about a sequence holds nothing that an event could go on with.
    pub(super) fn holds_nothing(&self, number: usize) -> bool {
        !self.awake.is(number)
    }

    /// All rules may hold other things by now.
    fn count_held(&mut self) {
        self.awake = Awake::default();
        for (number, (_, state)) in self.rules.iter().enumerate() {
            self.awake.note(number, 0, state.held(), state.is_awake());
        }
    }

    /// Nothing before `order` is still to come: what waits for its place has it, and so has an event of this order.
    pub(super) fn nothing_before(&mut self, order: Order, emit: &mut Emit<'_>) {
        if order.millis < self.watermark {
            return;
        }
        self.pass(order.millis, emit);
        while self.waiting.first().is_some_and(|(first, _)| first < order) {
            self.release_first(emit);
        }
        self.placed = Some(order);
    }

    /// Whether an event of this order is in its place.
    pub(super) fn is_placed(&self, order: Order) -> bool {
        self.placed == Some(order)
    }

    /// An event came that fits nothing but stages of rules that sleep; `store` keeps it, so that it can be asked
    /// for its keys if in its place the rules no longer do.
    pub(super) fn rest(
        &mut self,
        fits: Fits,
        order: Order,
        store: impl FnOnce(&mut Shelf) -> Option<event::Resting>,
        emit: &mut Emit<'_>,
    ) {
        if order.millis < self.watermark {
            self.late += 1;
            return;
        }
        self.arrived += 1;
        self.waits_from = self.waits_from.min(order.millis);
        self.waiting.rest((order, self.arrived), fits, store);
        self.bound_waiting(emit);
    }

    /// An event came that fits stages of `rules`, and `fits` of such that sleep. Samples see it at once,
    /// sequences in its place.
    pub(super) fn take(
        &mut self,
        mut rules: RuleHits,
        fits: Fits,
        order: Order,
        event: Kept,
        emit: &mut Emit<'_>,
    ) {
        self.cut += u64::from(rules.iter().any(|(_, hits)| hits.cut()));
        rules.retain(|(number, hits)| {
            let Some((rule, State::Sample(samples))) = self.rules.get_mut(*number) else { return true };
            let before = samples.held();
            samples.take(&rule.program, hits, order, &event, &mut self.found);
            samples.keep_within(self.limits.partials);
            self.awake.note(*number, before, samples.held(), true);
            hand_out(*number, &mut self.found, emit);
            false
        });
        if rules.is_empty() && fits.is_empty() {
            return self.keep_within();
        }
        let is_late = order.millis < self.watermark;
        self.late += u64::from(is_late);
        if is_late || self.is_placed(order) {
            self.offer(&rules, order, &event, emit);
        } else {
            self.arrived += 1;
            self.waits_from = self.waits_from.min(order.millis);
            self.waiting.keep((order, self.arrived), Queued { rules, fits, event });
            self.bound_waiting(emit);
        }
        self.keep_within();
    }

    fn bound_waiting(&mut self, emit: &mut Emit<'_>) {
        while self.waiting.len() > QUEUE || self.meter.bytes() + self.waiting.bytes() > self.limits.bytes {
            if !self.release_first(emit) {
                break;
            }
        }
    }

    /// An event of this time came, whatever it was.
    pub(super) fn event_at(&mut self, millis: i64, emit: &mut Emit<'_>) {
        if self.rules.is_empty() {
            return;
        }
        if millis >= self.watermark {
            self.behind.events = 0;
            return self.time_is(millis, emit);
        }
        let newest = if self.behind.events == 0 { millis } else { self.behind.newest.max(millis) };
        self.behind = Behind { events: self.behind.events + 1, newest };
        if self.behind.events >= CLOCK_WENT_BACK {
            self.rewind(newest, emit);
        }
    }

    /// The host was booted anew, and nothing of before is still to come: what was to be decided by the last event is.
    pub(super) fn booted(&mut self, emit: &mut Emit<'_>) {
        self.finish(emit);
        self.forget_undecided();
    }

    /// Nothing more comes: what was to be decided by the last event is, and what is still held could go on after it.
    pub(super) fn finish(&mut self, emit: &mut Emit<'_>) {
        self.release_all(emit);
        if self.now > i64::MIN {
            self.advance(self.now, emit);
        }
        for (rule, state) in &mut self.rules {
            match state {
                State::Sequence(sequences) => sequences.forget_old(&rule.program),
                State::Sample(samples) => samples.forget_old(),
            }
        }
        self.count_held();
    }

    /// What would not have happened while the host was down is not told: nobody could have done it.
    pub(super) fn forget_undecided(&mut self) {
        for (_, state) in &mut self.rules {
            if let State::Sequence(sequences) = state {
                self.booted += sequences.forget_undecided() as u64;
            }
        }
        self.deadline = None;
        self.count_held();
    }

    fn rewind(&mut self, newest: i64, emit: &mut Emit<'_>) {
        self.release_all(emit);
        self.behind = Behind::default();
        self.rewound += 1;
        self.watermark = newest.saturating_sub(self.limits.reorder);
        (self.now, self.placed) = (newest, None);
        self.swept = self.watermark;
        for (_, state) in &mut self.rules {
            match state {
                State::Sequence(sequences) => sequences.rewind(newest),
                State::Sample(samples) => samples.rewind(newest),
            }
        }
    }

    /// Time has come to `millis`: what has waited for its place, or for something not to happen, is
    /// matched.
    pub(super) fn time_is(&mut self, millis: i64, emit: &mut Emit<'_>) {
        self.now = self.now.max(millis);
        self.pass(millis.saturating_sub(self.limits.reorder), emit);
    }

    /// Nothing before `watermark` is still to come.
    fn pass(&mut self, watermark: i64, emit: &mut Emit<'_>) {
        if watermark <= self.watermark {
            return;
        }
        self.watermark = watermark;
        while self.waits_from < watermark {
            match self.waiting.first() {
                Some((order, _)) if order.millis < watermark => _ = self.release_first(emit),
                first => self.waits_from = first.map_or(i64::MAX, |(order, _)| order.millis),
            }
        }
        let sweep = watermark.saturating_sub(self.swept) >= SWEEP;
        // A forbidden event at the watermark itself may still come.
        let past = watermark.saturating_sub(1);
        if sweep || self.deadline.is_some_and(|deadline| deadline <= past) {
            self.advance(past, emit);
            self.swept = watermark;
        }
    }

    fn advance(&mut self, millis: i64, emit: &mut Emit<'_>) {
        let mut earliest = None;
        for (number, (rule, state)) in self.rules.iter_mut().enumerate() {
            // To what holds nothing it makes no difference what time it is.
            if !self.awake.is(number) {
                continue;
            }
            let before = state.held();
            match state {
                State::Sequence(sequences) => {
                    sequences.advance(&rule.program, millis, &mut self.found);
                    earliest = [earliest, sequences.deadline()].into_iter().flatten().min();
                    hand_out(number, &mut self.found, emit);
                }
                State::Sample(samples) => samples.advance(millis),
            }
            self.awake.note(number, before, state.held(), state.is_awake());
        }
        self.deadline = earliest;
    }

    /// Matches the earliest of what waits; false if nothing does.
    fn release_first(&mut self, emit: &mut Emit<'_>) -> bool {
        let awake = &self.awake;
        if self.waiting.pass_over(|fits| wakes(awake, fits)) {
            return true;
        }
        let Some(((order, _), first)) = self.waiting.pop() else { return false };
        match first {
            First::Kept(queued) => {
                let Queued { mut rules, fits, event } = queued;
                if let Source::Event(source) = &event.source
                    && wakes(&self.awake, &fits)
                {
                    source.with_document(|document| self.ask_woken(&fits, document, &mut rules));
                    rules.sort_by_key(|(number, _)| *number);
                }
                self.offer(&rules, order, &event, emit);
            }
            First::Rested(fits, event) => {
                let mut rules = RuleHits::new();
                event.with_document(|document| self.ask_woken(&fits, document, &mut rules));
                if !rules.is_empty() {
                    self.cut += u64::from(rules.iter().any(|(_, hits)| hits.cut()));
                    let event = Kept::new(Evidence::of_rested(event), &self.meter);
                    self.offer(&rules, order, &event, emit);
                }
            }
        }
        true
    }

    /// Adds what an event is to the rules that sleep no longer.
    fn ask_woken(&self, fits: &[Fit], document: &AuditDocument<'_>, rules: &mut RuleHits) {
        for of_rule in fits.chunk_by(|(this, _), (next, _)| this == next) {
            let Some(number) = of_rule.first().map(|(number, _)| *number as usize) else { continue };
            let Some((rule, _)) = self.rules.get(number).filter(|_| !self.holds_nothing(number)) else {
                continue;
            };
            let mut hits = Hits::default();
            of_rule.iter().for_each(|(_, stage)| hits.fits(&rule.program, *stage as usize, document));
            if !hits.is_empty() {
                rules.push((number, hits));
            }
        }
    }

    /// Matches all that waits: nothing earlier will come.
    pub(super) fn release_all(&mut self, emit: &mut Emit<'_>) {
        while self.release_first(emit) {}
    }

    fn offer(&mut self, rules: &[(usize, Hits)], order: Order, event: &Kept, emit: &mut Emit<'_>) {
        for (number, hits) in rules {
            let Some((rule, State::Sequence(sequences))) = self.rules.get_mut(*number) else { continue };
            let before = sequences.held();
            sequences.take(&rule.program, hits, order, event, &mut self.found);
            self.awake.note(*number, before, sequences.held(), !sequences.is_empty());
            self.deadline = [self.deadline, sequences.deadline()].into_iter().flatten().min();
            hand_out(*number, &mut self.found, emit);
        }
    }

    /// Gives up the oldest of whoever holds most, of all rules, while there is too much.
    fn keep_within(&mut self) {
        let Limits { all_partials, bytes, .. } = self.limits;
        debug_assert_eq!(self.awake.held(), self.rules.iter().map(|(_, state)| state.held()).sum::<usize>());
        if self.awake.held() <= all_partials && self.meter.bytes() <= bytes {
            return;
        }
        // A part is given up at once, so that it is seldom done.
        let (most, most_bytes) = (all_partials - all_partials / EVICTED_PART, bytes - bytes / EVICTED_PART);
        loop {
            let too_many = self.awake.held().saturating_sub(most);
            let too_large = self.meter.bytes().saturating_sub(most_bytes);
            let (surplus, by_bytes) = if too_many > 0 { (too_many, false) } else { (too_large, true) };
            let held = if surplus > 0 { self.held_by(by_bytes) } else { Vec::new() };
            if held.is_empty() {
                return;
            }
            let cut = Cut::of(held, surplus);
            for (_, state) in &mut self.rules {
                match state {
                    State::Sequence(sequences) => sequences.give_up(&cut),
                    State::Sample(samples) => samples.give_up(&cut),
                }
            }
            self.count_held();
        }
    }

    /// What is held, each of the weight 1, or of its events' bytes.
    fn held_by(&self, by_bytes: bool) -> Vec<Held> {
        let mut held = Vec::new();
        let mut tell = |holder, since, events: &[Kept]| {
            let weight = if by_bytes { events.iter().map(Kept::size).sum() } else { 1 };
            held.push(Held { holder, since, weight });
        };
        for (_, state) in &self.rules {
            match state {
                State::Sequence(sequences) => sequences.held_by(&mut tell),
                State::Sample(samples) => samples.held_by(&mut tell),
            }
        }
        held
    }

    /// When [`Joined::time_is`] has something to do, if no event comes.
    pub(super) fn due(&self) -> Option<i64> {
        let waiting = self.waiting.first().map(|(order, _)| order.millis);
        let earliest = [waiting, self.deadline].into_iter().flatten().min()?;
        Some(earliest.saturating_add(self.limits.reorder).saturating_add(1))
    }

    pub(super) fn counts(&self) -> JoinCounts {
        let mut counts = JoinCounts {
            late: self.late,
            cut: self.cut,
            rewound: self.rewound,
            booted: self.booted,
            held: self.awake.held() as u64,
            ..JoinCounts::default()
        };
        for (_, state) in &self.rules {
            match state {
                State::Sequence(sequences) => {
                    counts.evicted += sequences.evicted();
                    counts.undecided += sequences.undecided() as u64;
                }
                State::Sample(samples) => counts.evicted += samples.evicted(),
            }
        }
        counts
    }

    /// Everything before this was matched.
    pub(super) fn watermark(&self) -> i64 {
        self.watermark
    }

    /// A former run had matched everything before `watermark`.
    pub(super) fn go_on_from(&mut self, watermark: i64) {
        self.watermark = watermark;
        self.now = watermark.saturating_add(self.limits.reorder);
        self.swept = watermark;
        self.keep_within();
    }

    /// Puts back what a former run held.
    pub(super) fn resume(&mut self, number: usize, restored: State) {
        if let State::Sequence(sequences) = &restored {
            self.deadline = [self.deadline, sequences.deadline()].into_iter().flatten().min();
        }
        if let Some((_, state)) = self.rules.get_mut(number) {
            *state = restored;
        }
        self.count_held();
    }
}

impl Limits {
    /// The bounds of one rule.
    pub(super) fn of_one(&self) -> eql::Limits {
        eql::Limits { partials: self.partials, span: Some(self.span) }
    }
}

/// Whether one of these rules, which held nothing when the event came, does so no longer.
fn wakes(awake: &Awake, fits: &[Fit]) -> bool {
    fits.iter().any(|(number, _)| awake.is(*number as usize))
}

fn hand_out(number: usize, found: &mut Vec<Found<Kept>>, emit: &mut Emit<'_>) {
    for found in found.drain(..) {
        let mut events = Vec::with_capacity(found.events.len());
        events.extend(found.events.into_iter().flatten());
        emit(number, events);
    }
}

/// How far a rule looks back, in milliseconds: `from`, written `now-9m`. What is written otherwise is
/// taken for Elastic's default of six minutes.
pub(super) fn look_back(from: &str) -> i64 {
    const DEFAULT: i64 = 360_000;
    let Some(span) = from.trim().strip_prefix("now-") else { return DEFAULT };
    let digits = span.len() - span.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (count, unit) = span.split_at(digits);
    let unit = match unit {
        "s" => 1_000,
        "m" => 60_000,
        "h" | "H" => 3_600_000,
        "d" => 86_400_000,
        "w" => 604_800_000,
        _ => return DEFAULT,
    };
    count
        .parse::<i64>()
        .ok()
        .and_then(|count| count.checked_mul(unit))
        .filter(|ms| *ms > 0)
        .unwrap_or(DEFAULT)
}

#[cfg(test)]
mod tests {
    use super::look_back;

    #[test]
    fn from_is_a_span() {
        let spans =
            ["now-9m", "now-60s", "now-2h", "now-1d", "now-1w", "now-0m", "now", "now-9x", "2020-01-01"];
        assert_eq!(
            spans.map(look_back),
            [540_000, 60_000, 7_200_000, 86_400_000, 604_800_000, 360_000, 360_000, 360_000, 360_000]
        );
    }
}
