//! The engine: each event goes to the rules that it can match, and to no other.

use std::collections::HashSet;
use std::sync::Arc;

use super::hosts::Hosts;
use super::index::Index;
use super::joined::{JoinCounts, Joined, Limits};
use super::kept::{Evidence, Keep, Kept};
use super::sieve::Sifted;
use super::waiting::{Fits, RuleHits};
use crate::audit::Shelf;
use crate::eql::{Hits, Kind};
use crate::event::Document;
use crate::event::document::Order;
use crate::rule::{Exception, Rule};

/// Rules over a stream of events.
///
/// An event that matches no rule costs a few look-ups and no memory; matches of single events are handed
/// out at once, in the order of the rules. Events that fit a stage of a sequence are kept, as far as
/// [`Limits`] allow, until the sequence is complete or can no longer become so.
#[derive(Debug)]
pub struct Engine {
    rules: Vec<Arc<Rule>>,
    /// How often each has matched.
    matches: Vec<u64>,
    /// By the numbers that the index knows, ascending by rule and stage.
    pub(super) units: Vec<Unit>,
    index: Index,
    pub(super) hosts: Hosts,
    /// The place in `rules` of each rule that joins events.
    joined_rules: Vec<usize>,
    /// Of each of these, whether the line of its alert is enough and made of the last event alone.
    told_by_last: Vec<bool>,
    not_live: Vec<NotLive>,
    events: u64,
}

/// What the index finds: a stage of a rule. Each event touches a few, whichever they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unit {
    pub(super) rule: u32,
    pub(super) stage: u32,
    /// The rule's number among those that join events.
    pub(super) joined: Option<u32>,
    /// Whether it is a stage that makes no difference where the rule holds nothing.
    pub(super) goes_on: bool,
    /// Events that the whole condition was asked about.
    pub(super) asked: u64,
}

/// What became of the events at one rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events that its whole condition was asked about (of sequences: that of one stage).
    pub asked: u64,
    /// Events (of sequences: rows of events) that matched.
    pub matched: u64,
}

/// A rule that is loaded and can match nothing here.
#[derive(Clone, Debug)]
pub struct NotLive {
    /// The rule.
    pub rule: Arc<Rule>,
    /// Why, in the administrator's words.
    pub reason: String,
}

/// A rule has matched.
#[derive(Debug)]
pub struct Match<'m, D: ?Sized> {
    /// The rule.
    pub rule: &'m Arc<Rule>,
    /// What made it true.
    pub events: Events<'m, D>,
}

/// The events of a match.
#[derive(Debug)]
pub enum Events<'m, D: ?Sized> {
    /// The event that is being processed.
    One(&'m D),
    /// Those of a sequence or sample, in the order of the query, without the missing ones; and the last of them, if it
    /// is the event that is being processed.
    Kept(&'m [Kept], Option<&'m D>),
}

impl Engine {
    /// An engine for `rules`, with the default bounds; those that can match nothing here are set aside,
    /// with the reason.
    #[must_use]
    pub fn new(rules: Vec<Arc<Rule>>) -> Self {
        Self::with_limits(rules, Limits::default())
    }

    /// [`Engine::new`] with other bounds.
    #[must_use]
    pub fn with_limits(rules: Vec<Arc<Rule>>, limits: Limits) -> Self {
        let live = rules.iter().filter(|rule| rule.not_live.is_none()).cloned().collect();
        Self::running(live, &rules, limits)
    }

    /// The same for documents of any collector, which can have what events here never do: all rules are run.
    #[must_use]
    pub fn for_documents(rules: Vec<Arc<Rule>>, limits: Limits) -> Self {
        Self::running(rules.clone(), &rules, limits)
    }

    fn running(live: Vec<Arc<Rule>>, all: &[Arc<Rule>], limits: Limits) -> Self {
        let dead =
            |rule: &Arc<Rule>| Some(NotLive { reason: rule.not_live.clone()?, rule: Arc::clone(rule) });
        let not_live = all.iter().filter_map(dead).collect();
        let mut joined = Joined::new(limits);
        let (mut units, mut joined_rules) = (Vec::new(), Vec::new());
        for (number, rule) in live.iter().enumerate() {
            let joins = (rule.program.kind() != Kind::Event).then(|| {
                joined_rules.push(number);
                joined.add(rule)
            });
            let stages = 0..rule.program.stages().len();
            let goes_on = |stage| rule.program.sequence().is_some_and(|plan| !plan.begins(stage));
            units.extend(stages.map(|stage| Unit {
                rule: short(number),
                stage: short(stage),
                joined: joins.map(short),
                goes_on: goes_on(stage),
                asked: 0,
            }));
        }
        Self {
            matches: vec![0; live.len()],
            index: Index::new(
                live.iter().flat_map(|rule| rule.program.stages()).map(|stage| &stage.condition),
            ),
            rules: live,
            units,
            hosts: Hosts::new(joined),
            joined_rules,
            told_by_last: Vec::new(),
            not_live,
            events: 0,
        }
    }

    /// From now on only the lines of alerts are wanted. Of a sequence the last event tells it, which is at hand where it is in its
    /// place when it comes: so of such events nothing is kept but stamp and holder. All is kept of samples, of sequences that end with a
    /// missing event, and for rules with a group or exceptions.
    pub fn want_lines_only(&mut self) {
        let is_enough = |rule: &Arc<Rule>| {
            rule.program.sequence().is_some_and(|plan| plan.is_told_by_its_last_event())
                && rule.group.is_none()
                && rule.exceptions.is_empty()
        };
        let rules = self.joined_rules.iter().filter_map(|at| self.rules.get(*at));
        self.told_by_last = rules.map(is_enough).collect();
    }

    /// Asks the rules about `event`; `matched` is called for each that it makes true, and for the
    /// sequences that are complete by now.
    pub fn process<D: Document + Keep + ?Sized>(
        &mut self,
        event: &D,
        mut matched: impl FnMut(&Match<'_, D>),
    ) {
        self.events += 1;
        let Self { index, units, rules, matches, hosts, told_by_last, .. } = &mut *self;
        let host = event.host_key();
        // Of other hosts' records all is kept at once.
        let can_rest = host == 0 && event.can_rest();
        let is_placed = host == 0 && hosts.own.is_placed(event.order());
        let mut hits = RuleHits::new();
        let mut fits = Fits::new();
        index.ask(event, |number, holds| {
            let Some(unit) = units.get_mut(number) else { return };
            unit.asked += 1;
            let (place, stage) = (unit.rule as usize, unit.stage as usize);
            let Some(rule) = rules.get(place).filter(|rule| holds && !event.is_outside(rule)) else { return };
            let Some(joined) = unit.joined else {
                if let Some(count) = matches.get_mut(place) {
                    *count += 1;
                }
                return matched(&Match { rule, events: Events::One(event) });
            };
            let number = joined as usize;
            // The stages of a rule follow one another.
            match hits.last_mut().filter(|(last, _)| *last == number) {
                Some((_, hits)) => hits.fits(&rule.program, stage, event),
                None if can_rest && unit.goes_on && hosts.own.holds_nothing(number) => {
                    // What it could go on with would have come by now.
                    if !is_placed {
                        fits.push((joined, unit.stage));
                    }
                }
                None => {
                    let mut first = Hits::default();
                    first.fits(&rule.program, stage, event);
                    if !first.is_empty() {
                        hits.push((number, first));
                    }
                }
            }
        });
        // What waits for its place may be asked again there, and is no longer at hand when it completes something.
        let in_brief = is_placed && hits.iter().all(|(number, _)| told_by_last.get(*number) == Some(&true));
        let number = self.events;
        let order = event.order();
        let is_now = |kept: &Kept| (kept.number() == number).then_some(event);
        self.with_hosts(&mut matched, is_now, |hosts, emit| {
            if hits.is_empty() && fits.is_empty() {
                return hosts.known(host).into_iter().for_each(|joined| joined.event_at(order.millis, emit));
            }
            let joined = hosts.of(host, emit);
            if !hits.is_empty() {
                let evidence = if in_brief { event.keep_in_brief() } else { event.keep() };
                let kept = Kept::of_number(number, evidence, &joined.meter);
                joined.take(hits, fits, order, kept, emit);
            } else {
                let store = |shelf: &mut Shelf| event.rest(shelf);
                joined.rest(fits, order, store, emit);
            }
            joined.event_at(order.millis, emit);
        });
    }

    /// Whether there are rules that join events, and so care for their order.
    #[must_use]
    pub fn joins(&self) -> bool {
        !self.joined_rules.is_empty()
    }

    /// How long, in milliseconds, events wait for earlier ones.
    #[must_use]
    pub fn reorder(&self) -> i64 {
        self.hosts.own.limits.reorder
    }

    /// Of this host nothing before `order` is still to come, within [`Engine::reorder`]: what waits for its place is
    /// matched, and an event of this order, if it comes next, need not wait.
    pub fn nothing_before<D: ?Sized>(&mut self, order: Order, mut matched: impl FnMut(&Match<'_, D>)) {
        self.with_hosts(&mut matched, |_| None, |hosts, emit| hosts.own.nothing_before(order, emit));
    }

    /// An event came, at `millis` since the Unix epoch and of the host with this key, that a sieve has let fall.
    pub fn idle<D: ?Sized>(&mut self, host: u64, millis: i64, mut matched: impl FnMut(&Match<'_, D>)) {
        self.events += 1;
        self.with_hosts(
            &mut matched,
            |_| None,
            |hosts, emit| {
                hosts.known(host).into_iter().for_each(|joined| joined.event_at(millis, emit));
            },
        );
    }

    /// The event that a sieve was asked about makes the rule at this place true.
    pub fn alone<D: ?Sized>(&mut self, place: usize, event: &D, matched: impl FnOnce(&Match<'_, D>)) {
        let Some((rule, count)) = self.rules.get(place).zip(self.matches.get_mut(place)) else { return };
        *count += 1;
        matched(&Match { rule, events: Events::One(event) });
    }

    /// An event came, of the host with this key and at this place in time, that is to rules that join events what a
    /// sieve has found; what it makes true alone was told.
    pub fn sifted<D: ?Sized>(
        &mut self,
        host: u64,
        order: Order,
        sifted: Sifted,
        event: Evidence,
        mut matched: impl FnMut(&Match<'_, D>),
    ) {
        if sifted.joined.is_empty() {
            return self.idle(host, order.millis, matched);
        }
        self.events += 1;
        self.with_hosts(
            &mut matched,
            |_| None,
            |hosts, emit| {
                let joined = hosts.of(host, emit);
                let kept = Kept::new(event, &joined.meter);
                joined.take(sifted.joined, Fits::new(), order, kept, emit);
                joined.event_at(order.millis, emit);
            },
        );
    }

    /// The host's clock stands at `millis` (since the Unix epoch), and every event before was processed:
    /// what has waited until then is matched.
    pub fn time_is<D: ?Sized>(&mut self, millis: i64, mut matched: impl FnMut(&Match<'_, D>)) {
        self.with_hosts(&mut matched, |_| None, |hosts, emit| hosts.own.time_is(millis, emit));
    }

    /// No more events come: what has waited for earlier events is matched. What waits for something not
    /// to happen stays undecided ([`JoinCounts::undecided`]), unless its time was over by the last event.
    pub fn finish<D: ?Sized>(&mut self, mut matched: impl FnMut(&Match<'_, D>)) {
        self.with_hosts(&mut matched, |_| None, Hosts::finish);
    }

    /// The host was booted anew behind the events so far. What waits for something not to happen is given up
    /// ([`JoinCounts::booted`]), unless its time was over by the last event: while the host was down nothing could happen.
    pub fn booted<D: ?Sized>(&mut self, mut matched: impl FnMut(&Match<'_, D>)) {
        self.with_hosts(&mut matched, |_| None, |hosts, emit| hosts.own.booted(emit));
    }

    /// The same, where a former run has decided what was to be.
    pub fn forget_undecided(&mut self) {
        self.hosts.own.forget_undecided();
    }

    /// `is_now` gives the event that is being processed, if it is the one that was kept.
    fn with_hosts<'d, D: ?Sized + 'd>(
        &mut self,
        matched: &mut impl FnMut(&Match<'_, D>),
        is_now: impl Fn(&Kept) -> Option<&'d D>,
        work: impl FnOnce(&mut Hosts, &mut super::joined::Emit<'_>),
    ) {
        let Self { hosts, joined_rules, rules, matches, .. } = self;
        work(hosts, &mut |number, events| {
            let Some(at) = joined_rules.get(number) else { return };
            if let (Some(rule), Some(count)) = (rules.get(*at), matches.get_mut(*at)) {
                *count += 1;
                let last = events.last().and_then(&is_now);
                matched(&Match { rule, events: Events::Kept(&events, last) });
            }
        });
    }

    /// The rules that are run.
    #[must_use]
    pub fn rules(&self) -> &[Arc<Rule>] {
        &self.rules
    }

    /// The rules that are loaded and can match no event of this host.
    #[must_use]
    pub fn not_live(&self) -> &[NotLive] {
        &self.not_live
    }

    /// Events processed.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Each rule that is run, with its counts.
    pub fn counts(&self) -> impl Iterator<Item = (&Arc<Rule>, Counts)> {
        let mut counts: Vec<_> =
            self.matches.iter().map(|matched| Counts { asked: 0, matched: *matched }).collect();
        for unit in &self.units {
            if let Some(count) = counts.get_mut(unit.rule as usize) {
                count.asked += unit.asked;
            }
        }
        self.rules.iter().zip(counts)
    }

    /// What became of the events and partial sequences of rules that join events.
    #[must_use]
    pub fn join_counts(&self) -> JoinCounts {
        let rules = self.rules.iter().map(|rule| rule.program.cut_comparisons());
        let exceptions = self.exceptions().map(|exception| exception.cut_comparisons());
        JoinCounts { comparisons_cut: rules.chain(exceptions).sum(), ..self.hosts.counts() }
    }

    /// The exceptions of the rules that are run, each once.
    pub fn exceptions(&self) -> impl Iterator<Item = &Arc<Exception>> {
        let all = self.rules.iter().flat_map(|rule| &rule.exceptions).map(|applied| &applied.exception);
        let mut seen = HashSet::new();
        all.filter(move |exception| seen.insert(Arc::as_ptr(exception)))
    }

    /// When [`Engine::time_is`] has something to do next, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn due(&self) -> Option<i64> {
        self.hosts.own.due()
    }

    /// What bounds the time that `rule`'s events may lie apart, for whoever lists rules: none for rules
    /// about single events.
    #[must_use]
    pub fn span_of(&self, rule: &Rule) -> Option<Span> {
        Span::of(rule, &self.hosts.own.limits)
    }
}

/// There are never so many rules, or stages of one.
fn short(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// What bounds the time that a rule's events may lie apart, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// The query's own `maxspan`.
    Query(i64),
    /// The query names none; the configuration's bound holds.
    Configured(i64),
    /// A sample: the rule's `from`.
    LookBack(i64),
}

impl Span {
    /// That of `rule` under `limits`; none for rules about single events.
    #[must_use]
    pub fn of(rule: &Rule, limits: &Limits) -> Option<Self> {
        match (rule.program.kind(), rule.program.maxspan()) {
            (Kind::Event, _) => None,
            (Kind::Sample, _) => Some(Self::LookBack(super::joined::look_back(&rule.from))),
            (Kind::Sequence, Some(maxspan)) => Some(Self::Query(maxspan)),
            (Kind::Sequence, None) => Some(Self::Configured(limits.span)),
        }
    }
}
