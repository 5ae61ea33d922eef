//! Comparisons, by number: what the conditions of all rules are made of.

use std::collections::HashMap;
use std::sync::Arc;

use super::node::Node;
use super::texts::{Set, Texts, tells_texts};
use super::{LAST, OF_KIND, SETTLED, is_remembered};
use crate::eql::{Script, Test};
use crate::event::schema::{Cardinality, field, row};
use crate::event::{Document, FieldId};

/// All comparisons, and what of the current event is known of them.
#[derive(Debug, Default)]
pub(super) struct Leaves {
    leaves: Vec<Leaf>,
    /// By fields of which texts are looked for.
    texts: Vec<(FieldId, Texts)>,
    places: HashMap<FieldId, usize, foldhash::fast::RandomState>,
    /// Which event it is.
    event: u64,
}

#[derive(Debug)]
struct Leaf {
    scope: Scope,
    /// Whether it follows from fields by which outcomes are remembered.
    remembered: bool,
    cost: u32,
    asks: Asks,
}

#[derive(Debug)]
enum Asks {
    /// Some value of the field satisfies the test.
    Field(FieldId, Arc<Test>),
    /// The same, if the values of the field have this number among what they could satisfy.
    Text {
        place: usize,
        number: usize,
        field: FieldId,
        test: Arc<Test>,
    },
    Script(Arc<Script>),
}

/// A field, and comparisons of it that look for texts.
#[derive(Debug)]
pub(super) struct TextField {
    place: usize,
    wanted: Set,
}

/// By what a comparison is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// By the kind of the event.
    Kind,
    /// By fields with few values.
    Settled,
    /// By nothing less than the event.
    Event,
}

impl Leaves {
    /// Adds the comparison of a field; its number.
    pub(super) fn add(&mut self, field: FieldId, test: &Arc<Test>) -> u32 {
        let scope = if OF_KIND.contains(&field) {
            Scope::Kind
        } else if SETTLED.contains(&field) {
            Scope::Settled
        } else {
            Scope::Event
        };
        let text = scope != Scope::Kind && tells_texts(test);
        let number = if text { self.add_text(field, test) } else { None };
        let cost = match scope {
            Scope::Kind => 0,
            Scope::Settled => 1,
            Scope::Event => 10 + test.cost() + u32::from(LAST.contains(&field)) * 100,
        };
        let test = Arc::clone(test);
        let asks = match number {
            Some((place, number)) => Asks::Text { place, number, field, test },
            None => Asks::Field(field, test),
        };
        self.push(scope, cost, asks)
    }

    /// The place of the field and the number of the comparison there.
    fn add_text(&mut self, field: FieldId, test: &Arc<Test>) -> Option<(usize, usize)> {
        let texts = &mut self.texts;
        let place = *self.places.entry(field).or_insert_with(|| {
            texts.push((field, Texts::default()));
            texts.len() - 1
        });
        Some((place, texts.get_mut(place)?.1.add(test)))
    }

    /// Adds an expression; its number.
    pub(super) fn add_script(&mut self, script: &Arc<Script>) -> u32 {
        self.push(Scope::Event, 60, Asks::Script(Arc::clone(script)))
    }

    fn push(&mut self, scope: Scope, cost: u32, asks: Asks) -> u32 {
        let remembered = match &asks {
            Asks::Field(field, _) | Asks::Text { field, .. } => is_remembered(*field),
            // How often not all combinations of values were tried is counted each time.
            Asks::Script(script) => {
                let many =
                    |field: &&FieldId| row(**field).is_none_or(|row| row.cardinality == Cardinality::Many);
                script.fields.iter().all(|field| is_remembered(*field))
                    && script.fields.iter().filter(many).count() < 2
            }
        };
        self.leaves.push(Leaf { scope, remembered, cost, asks });
        u32::try_from(self.leaves.len() - 1).unwrap_or(u32::MAX)
    }

    /// All are added.
    pub(super) fn finish(&mut self) {
        self.leaves.shrink_to_fit();
        self.texts.iter_mut().for_each(|(_, texts)| texts.finish());
    }

    /// How late a comparison is to be asked.
    pub(super) fn cost(&self, number: u32) -> u32 {
        self.leaf(number).map_or(0, |leaf| leaf.cost)
    }

    /// The field of a comparison of this scope.
    pub(super) fn field(&self, number: u32, scope: Scope) -> Option<FieldId> {
        match &self.leaf(number).filter(|leaf| leaf.scope == scope)?.asks {
            Asks::Field(field, _) | Asks::Text { field, .. } => Some(*field),
            Asks::Script(_) => None,
        }
    }

    /// Whether `event` satisfies a comparison of this scope.
    pub(super) fn known<D: Document + ?Sized>(
        &mut self,
        number: u32,
        scope: Scope,
        event: &D,
    ) -> Option<bool> {
        (self.leaf(number)?.scope == scope).then(|| self.holds(number, event))
    }

    /// Whether a comparison of one value asks for the system call.
    pub(super) fn asks_for_call(&self, number: u32) -> bool {
        let asks = self.leaf(number).map(|leaf| &leaf.asks);
        matches!(asks, Some(Asks::Field(field, _) | Asks::Text { field, .. }) if *field == field::AUDITD_DATA_SYSCALL)
    }

    /// Whether `event` satisfies a comparison of the system call.
    pub(super) fn known_of_call<D: Document + ?Sized>(&self, number: u32, event: &D) -> Option<bool> {
        match self.leaf(number).map(|leaf| &leaf.asks) {
            Some(Asks::Field(id, test) | Asks::Text { field: id, test, .. })
                if self.asks_for_call(number) =>
            {
                Some(satisfied(event, *id, test))
            }
            _ => None,
        }
    }

    /// Whether it follows from what outcomes are remembered by.
    pub(super) fn is_remembered(&self, number: u32) -> bool {
        self.leaf(number).is_some_and(|leaf| leaf.remembered)
    }

    /// The same of a field of texts.
    pub(super) fn is_remembered_text(&self, of: &TextField) -> bool {
        self.texts.get(of.place).is_some_and(|(field, _)| is_remembered(*field))
    }

    /// The fields of a comparison.
    pub(super) fn fields(&self, number: u32) -> &[FieldId] {
        match self.leaf(number).map(|leaf| &leaf.asks) {
            Some(Asks::Field(field, _) | Asks::Text { field, .. }) => std::slice::from_ref(field),
            Some(Asks::Script(script)) => &script.fields,
            None => &[],
        }
    }

    /// What was known of an event is forgotten.
    pub(super) fn next_event(&mut self) {
        self.event += 1;
    }

    /// Whether `event` satisfies a comparison.
    pub(super) fn holds<D: Document + ?Sized>(&mut self, number: u32, event: &D) -> bool {
        let Some(leaf) = self.leaves.get(number as usize) else { return false };
        match &leaf.asks {
            Asks::Field(field, test) => satisfied(event, *field, test),
            // Rules that ask for it ask it of each execution, and in a recording there is none.
            Asks::Text { field: field::PROCESS_ENV_VARS, .. } if !event.has_environment() => false,
            Asks::Text { place, number, field, test } => {
                let Some((_, texts)) = self.texts.get_mut(*place) else { return false };
                texts.could_satisfy(self.event, *number, || event.values(*field))
                    && satisfied(event, *field, test)
            }
            Asks::Script(script) => script.holds(event),
        }
    }

    /// Of the fields whose texts are looked for by the most of `nodes`, and by at least so many, the first; with
    /// what they look for.
    pub(super) fn text_field_of_most<'n>(
        &self,
        nodes: impl Iterator<Item = &'n Node>,
        least: usize,
    ) -> Option<TextField> {
        let mut asked: Vec<(usize, Set)> = Vec::new();
        asked.resize_with(self.texts.len(), Default::default);
        for node in nodes {
            let mut last = None;
            node.each_leaf(&mut |leaf| {
                let Some(Asks::Text { place, number, .. }) = self.leaf(leaf).map(|leaf| &leaf.asks) else {
                    return;
                };
                let (Some((count, set)), Some((_, texts))) = (asked.get_mut(*place), self.texts.get(*place))
                else {
                    return;
                };
                if *count == 0 {
                    set.make_room(texts.count());
                }
                *count += usize::from(last != Some(*place));
                set.insert(*number);
                last = Some(*place);
            });
        }
        // The environment is asked of a running process: not on purpose.
        let known =
            |place: usize| self.texts.get(place).is_some_and(|(field, _)| *field != field::PROCESS_ENV_VARS);
        let worth =
            asked.into_iter().enumerate().filter(|(place, (count, _))| *count >= least && known(*place));
        let (place, (_, wanted)) = worth.rev().max_by_key(|(_, (count, _))| *count)?;
        Some(TextField { place, wanted })
    }

    /// Whether the comparison looks for texts of the field.
    pub(super) fn is_text_of(&self, number: u32, field: &TextField) -> bool {
        let asks = self.leaf(number).map(|leaf| &leaf.asks);
        matches!(asks, Some(Asks::Text { place, .. }) if *place == field.place)
    }

    /// Whether some value of the field could satisfy any of the comparisons.
    pub(super) fn could_satisfy_any<D: Document + ?Sized>(&mut self, of: &TextField, event: &D) -> bool {
        let Some((field, texts)) = self.texts.get_mut(of.place) else { return true };
        texts.could(self.event, || event.values(*field)).meets(&of.wanted)
    }

    fn leaf(&self, number: u32) -> Option<&Leaf> {
        self.leaves.get(number as usize)
    }
}

fn satisfied<D: Document + ?Sized>(event: &D, field: FieldId, test: &Test) -> bool {
    event.values(field).as_slice().iter().any(|value| test.holds(value))
}
