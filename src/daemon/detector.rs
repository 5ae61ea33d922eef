//! The second half of the path, the same live and in replay: events in, alerts out.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use bumpalo::Bump;
use foldhash::fast::RandomState;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::accounts::Told;
use super::ahead::Taken;
use super::excepted;
use super::recorded::{Reader, Recorded};
use super::roots::Roots;
use crate::alert::case::{CaseCounts, Cases, Finding, WithoutEffect};
use crate::alert::{Alert, source, text_of};
use crate::audit::{Boots, Shelf, Stamp};
use crate::detect::{Engine, Events, Evidence, Keep, Kept, Limits, Match, Source, holder, host_key};
use crate::event::document::Order;
use crate::event::schema::ROWS;
use crate::event::{AuditDocument, Document, FieldId, Held, Resting, Stored, Values, live_document};
use crate::rule::{Applied, Rule};

/// Which time `event.created` of an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// The clock's, at the match.
    Now,
    /// The event's own, so that a replay gives the same documents each time.
    Stamp,
}

/// Rules over events; each match becomes an alert: at once, or as a part of its case.
#[derive(Debug)]
pub struct Detector {
    engine: Engine,
    cases: Cases,
    wanted: Wanted,
    matches: Matches,
    /// Who says in which root an act was; none in a replay.
    roots: Option<Roots>,
    /// Where a recording goes over a boot.
    boots: Boots,
}

/// What is wanted of alerts.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    created: Created,
    /// Their lines, and no documents.
    lines_only: bool,
}

/// Matches that no exception took, by the rule's uuid.
type Matches = HashMap<String, u64, RandomState>;

impl Detector {
    /// A detector for `rules`, with the default bounds of sequences.
    #[must_use]
    pub fn new(rules: Vec<Arc<Rule>>, created: Created) -> Self {
        Self::with_limits(rules, Limits::default(), created)
    }

    /// A detector for `rules`.
    #[must_use]
    pub fn with_limits(rules: Vec<Arc<Rule>>, limits: Limits, created: Created) -> Self {
        let engine = Engine::with_limits(rules, limits);
        let (cases, matches) = (Cases::default(), Matches::default());
        let wanted = Wanted { created, lines_only: false };
        Self { engine, cases, wanted, matches, roots: None, boots: Boots::default() }
    }

    /// A detector for recordings, which may be documents of any collector.
    #[must_use]
    pub fn for_recordings(rules: Vec<Arc<Rule>>, limits: Limits) -> Self {
        let engine = Engine::for_documents(rules, limits);
        Self { engine, ..Self::with_limits(Vec::new(), limits, Created::Stamp) }
    }

    /// From now on nobody asks alerts for their documents, so that no more is kept of events than lines need: see
    /// [`Engine::want_lines_only`].
    pub fn want_lines_only(&mut self) {
        self.engine.want_lines_only();
        self.wanted.lines_only = true;
    }

    /// Asks `roots` in which root an act on accounts was.
    pub(super) fn set_roots(&mut self, roots: Roots) {
        self.roots = Some(roots);
    }

    /// The rules and their counts.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The same, to take up and give away what sequences hold.
    pub fn engine_mut(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// Asks the rules about `event`.
    pub fn event(&mut self, event: &AuditDocument<'_>, emit: &mut dyn FnMut(Alert)) {
        let Self { engine, cases, wanted, matches, roots, boots } = self;
        if wanted.created == Created::Stamp {
            if boots.begins(event.event) {
                engine.booted(|matched: &Match<'_, AuditDocument<'_>>| {
                    found(matched, *wanted, cases, matches, None, emit);
                });
            }
            cases.event_at(epoch(Some(&event.event.stamp)), emit);
        }
        if event.event.in_order && engine.joins() {
            engine.nothing_before(event.order(), |matched: &Match<'_, AuditDocument<'_>>| {
                found(matched, *wanted, cases, matches, None, emit);
            });
        }
        engine.process(event, |matched| found(matched, *wanted, cases, matches, roots.as_mut(), emit));
    }

    /// Asks the rules about a document.
    pub fn document(&mut self, event: &Recorded<'_>, emit: &mut dyn FnMut(Alert)) {
        let Self { engine, cases, wanted, matches, .. } = self;
        if wanted.created == Created::Stamp {
            cases.event_at(event.order().millis, emit);
        }
        engine.process(event, |matched| found(matched, *wanted, cases, matches, None, emit));
    }

    /// A document came that no rule takes: only time goes on, of the host with this key.
    pub fn idle(&mut self, host: u64, millis: i64, emit: &mut dyn FnMut(Alert)) {
        let Self { engine, cases, wanted, matches, .. } = self;
        if wanted.created == Created::Stamp {
            cases.event_at(millis, emit);
        }
        engine.idle(host, millis, |matched: &Match<'_, AuditDocument<'_>>| {
            found(matched, *wanted, cases, matches, None, emit);
        });
    }

    /// A document came, the `number`th, of which another thread has asked the rules; `reader` reads it again where
    /// one has matched it alone.
    pub fn taken(&mut self, taken: Taken, number: u64, reader: &mut Reader, emit: &mut dyn FnMut(Alert)) {
        let Self { engine, cases, wanted, matches, .. } = self;
        let Taken { host, millis, serial, rules, evidence, told } = taken;
        if wanted.created == Created::Stamp {
            cases.event_at(millis, emit);
        }
        let tiebreaker = serial.unwrap_or(number);
        if let (Source::Text(text), false) = (&evidence.source, rules.alone.is_empty()) {
            reader.again(text, told.as_deref(), &mut |document| {
                let document = document.recorded(number);
                for place in &rules.alone {
                    engine.alone(*place, &document, |matched| {
                        found(matched, *wanted, cases, matches, None, emit);
                    });
                }
            });
        }
        let order = Order { millis, tiebreaker };
        engine.sifted(host, order, rules, evidence, |matched: &Match<'_, Recorded<'_>>| {
            found(matched, *wanted, cases, matches, None, emit);
        });
    }

    /// Asks the rules about a change of the account files.
    pub(super) fn told(&mut self, told: &Told, host: &str, emit: &mut dyn FnMut(Alert)) {
        let Self { engine, cases, wanted, matches, roots, .. } = self;
        let arena = Bump::new();
        let fields: Vec<FieldId> = (0..).map(FieldId).take(ROWS.len()).collect();
        let held = live_document::read(&told.document, &fields, told.serial, &arena);
        let event = Changed { held, told, host };
        engine.process(&event, |matched| found(matched, *wanted, cases, matches, roots.as_mut(), emit));
    }

    /// Takes that writes of account files had no effect.
    pub(super) fn without_effect(&mut self, seen: Vec<WithoutEffect>) {
        seen.into_iter().for_each(|one| self.cases.without_effect(one));
    }

    /// They are written again.
    pub(super) fn doubt(&mut self) {
        self.cases.doubt();
    }

    /// The host's clock stands at `millis` since the Unix epoch, and no earlier event waits to be read.
    pub fn time_is(&mut self, millis: i64, emit: &mut dyn FnMut(Alert)) {
        let Self { engine, cases, wanted, matches, roots, .. } = self;
        if wanted.created == Created::Stamp {
            cases.event_at(millis, emit);
        }
        engine.time_is(millis, |matched: &Match<'_, AuditDocument<'_>>| {
            found(matched, *wanted, cases, matches, roots.as_mut(), emit);
        });
    }

    /// Tells the cases that have waited long enough by a real clock.
    pub fn settle(&mut self, now: Instant, emit: &mut dyn FnMut(Alert)) {
        self.cases.time_is(now, emit);
    }

    /// When [`Detector::settle`] has something to do next.
    #[must_use]
    pub fn settles(&self) -> Option<Instant> {
        self.cases.due()
    }

    /// No more events come.
    pub fn finish(&mut self, emit: &mut dyn FnMut(Alert)) {
        let Self { engine, cases, wanted, matches, roots, .. } = self;
        engine.finish(|matched: &Match<'_, AuditDocument<'_>>| {
            found(matched, *wanted, cases, matches, roots.as_mut(), emit)
        });
        cases.finish(emit);
    }

    /// What became of the matches of rules with a group.
    #[must_use]
    pub fn case_counts(&self) -> CaseCounts {
        self.cases.counts()
    }

    /// How often `rule` has matched and no exception took it, whether the match became an alert or a part of one.
    #[must_use]
    pub fn matches(&self, rule: &Rule) -> u64 {
        self.matches.get(&rule.uuid).copied().unwrap_or_default()
    }

    /// Goes on with the cases of the detector before this one, and with the counts of the rules that stay.
    pub fn go_on_from(&mut self, before: &mut Self) {
        self.cases = std::mem::take(&mut before.cases);
        self.matches = std::mem::take(&mut before.matches);
        self.roots = before.roots.take();
        let rules = self.engine.rules();
        self.matches.retain(|uuid, _| rules.iter().any(|rule| rule.uuid == *uuid));
    }

    /// One line for each rule and exception that has taken matches of it.
    #[must_use]
    pub fn told_of_exceptions(&self) -> Vec<String> {
        let line = |(rule, applied): (&Arc<Rule>, &Applied)| {
            format!("{} taken by exception {}: {}", applied.taken(), applied.exception.id, rule.name)
        };
        self.excepted().map(line).collect()
    }

    /// The fields that rules and exceptions ask for.
    #[must_use]
    pub fn fields(&self) -> BTreeSet<FieldId> {
        let rules = self.engine.rules().iter().flat_map(|rule| rule.program.fields());
        let exceptions = self.engine.exceptions().flat_map(|exception| exception.fields());
        rules.chain(exceptions).copied().collect()
    }

    /// Each exception that has taken matches: of which rule, and how many.
    pub fn excepted(&self) -> impl Iterator<Item = (&Arc<Rule>, &Applied)> {
        let rules = self.engine.rules().iter();
        let applied = rules.flat_map(|rule| rule.exceptions.iter().map(move |applied| (rule, applied)));
        applied.filter(|(_, applied)| applied.taken() > 0)
    }
}

/// An event that rules are asked about.
trait Subject: Document + Keep {
    fn stamp(&self) -> Stamp;
    fn source(&self) -> Map<String, Value>;
    fn host(&self) -> String;
    /// What is told of the root that it was in, where that is surely not the host's.
    fn other_root(&self, _roots: &mut Roots) -> Option<Map<String, Value>> {
        None
    }
    /// The alert of a rule without a group, of what was kept of the event.
    fn alert(&self, rule: &Arc<Rule>, kept: &Evidence, created: Timestamp) -> Alert {
        Alert::of_events(rule, &[kept], None, created)
    }
    /// The same of several events, where `_last` is the last of them, if it is at hand.
    fn alert_of(rule: &Arc<Rule>, kept: &[Kept], _last: Option<&Self>, created: Timestamp) -> Alert {
        Alert::of_events(rule, kept, None, created)
    }
}

impl Subject for AuditDocument<'_> {
    fn stamp(&self) -> Stamp {
        self.event.stamp
    }

    fn source(&self) -> Map<String, Value> {
        source(self)
    }

    fn host(&self) -> String {
        self.host_id().into_owned()
    }

    fn other_root(&self, roots: &mut Roots) -> Option<Map<String, Value>> {
        roots.other(self)
    }

    fn alert(&self, rule: &Arc<Rule>, kept: &Evidence, created: Timestamp) -> Alert {
        Alert::of_events(rule, &[kept], Some(self), created)
    }

    fn alert_of(rule: &Arc<Rule>, kept: &[Kept], last: Option<&Self>, created: Timestamp) -> Alert {
        Alert::of_events(rule, kept, last, created)
    }
}

/// A change of the account files, as rules see it.
struct Changed<'a> {
    held: Held<'a>,
    told: &'a Told,
    host: &'a str,
}

impl Document for Changed<'_> {
    fn values(&self, field: FieldId) -> Values<'_> {
        self.held.values(field)
    }

    fn order(&self) -> Order {
        self.held.order()
    }
}

impl Keep for Changed<'_> {
    fn keep(&self) -> Evidence {
        let source = serde_json::to_string(&self.told.document).unwrap_or_default();
        let Told { millis, serial, .. } = *self.told;
        let holder = holder(self);
        let (host, source) = (Some(self.host.into()), Source::Text(source.into()));
        Evidence { millis, serial, host, holder, source }
    }
}

impl Subject for Changed<'_> {
    fn stamp(&self) -> Stamp {
        Stamp { millis: self.told.millis, serial: self.told.serial }
    }

    fn source(&self) -> Map<String, Value> {
        self.told.document.clone()
    }

    fn host(&self) -> String {
        self.host.to_owned()
    }
}

impl Subject for Recorded<'_> {
    fn stamp(&self) -> Stamp {
        Recorded::stamp(self)
    }

    fn source(&self) -> Map<String, Value> {
        serde_json::from_str(self.text()).unwrap_or_default()
    }

    fn host(&self) -> String {
        Recorded::host(self).to_owned()
    }
}

impl Keep for AuditDocument<'_> {
    fn keep(&self) -> Evidence {
        Evidence { source: Source::Event(Stored::of(self)), ..self.keep_in_brief() }
    }

    fn keep_in_brief(&self) -> Evidence {
        let Stamp { millis, serial } = self.event.stamp;
        Evidence { millis, serial, host: None, holder: holder(self), source: Source::Unwanted }
    }

    fn host_key(&self) -> u64 {
        self.other_host().map_or(0, host_key)
    }

    fn can_rest(&self) -> bool {
        true
    }

    fn rest(&self, shelf: &mut Shelf) -> Option<Resting> {
        Some(Resting::of(self, shelf))
    }
}

/// Takes a match to its case, unless an exception takes it.
fn found<D: Subject>(
    matched: &Match<'_, D>,
    wanted: Wanted,
    cases: &mut Cases,
    matches: &mut Matches,
    roots: Option<&mut Roots>,
    emit: &mut dyn FnMut(Alert),
) {
    let rule = matched.rule;
    let mut count = || match matches.get_mut(&rule.uuid) {
        Some(count) => *count += 1,
        None => _ = matches.insert(rule.uuid.clone(), 1),
    };
    let now = (wanted.created == Created::Now).then(Instant::now);
    match &matched.events {
        Events::One(event) => {
            let stamp = event.stamp();
            if excepted::takes(rule, &[*event], epoch(Some(&stamp))) {
                return;
            }
            count();
            let created = wanted.created.of(Some(&stamp));
            if rule.group.is_none() {
                let kept = if wanted.lines_only { event.keep_in_brief() } else { event.keep() };
                return emit(event.alert(rule, &kept, created));
            }
            let (mut source, stamps, host) = (event.source(), vec![stamp], event.host());
            let mut severity = rule.severity;
            if let Some(root) = roots.and_then(|roots| event.other_root(roots)) {
                severity = rule.milder.in_other_root.map_or(severity, |milder| milder.min(severity));
                let own = source.entry("auditward").or_insert_with(|| Map::new().into());
                own.as_object_mut().map(|own| own.insert("root".to_owned(), root.into()));
            }
            let (rule, events) = (Arc::clone(rule), vec![source]);
            cases.take(Finding { rule, severity, events, stamps, host, created }, now, emit);
        }
        Events::Kept(kept, last) => {
            let stamp = kept.last().map(|event| event.stamp());
            let created = wanted.created.of(stamp.as_ref());
            if rule.group.is_none() && rule.exceptions.is_empty() {
                count();
                return emit(D::alert_of(rule, kept, *last, created));
            }
            let events: Vec<_> = kept.iter().map(|event| document(event)).collect();
            if excepted::takes_documents(rule, &events, epoch(stamp.as_ref())) {
                return;
            }
            count();
            if rule.group.is_none() {
                return emit(D::alert_of(rule, kept, *last, created));
            }
            let stamps = kept.iter().map(|event| event.stamp()).collect();
            let host = kept.last().map_or_else(String::new, |event| event.host_id().into_owned());
            let (rule, severity) = (Arc::clone(rule), rule.severity);
            cases.take(Finding { rule, severity, events, stamps, host, created }, now, emit);
        }
    }
}

fn epoch(stamp: Option<&Stamp>) -> i64 {
    stamp.map_or(0, |stamp| i64::try_from(stamp.millis).unwrap_or(i64::MAX))
}

/// The source event that was kept.
fn document(kept: &Evidence) -> Map<String, Value> {
    // It was written by this program, or came with a checksum out of the state file.
    serde_json::from_str(&text_of(&kept.source)).unwrap_or_default()
}

impl Created {
    fn of(self, stamp: Option<&Stamp>) -> Timestamp {
        let stamped = stamp.and_then(|s| i64::try_from(s.millis).ok());
        match (self, stamped.and_then(|millis| Timestamp::from_millisecond(millis).ok())) {
            (Self::Stamp, Some(time)) => time,
            _ => Timestamp::now(),
        }
    }
}
