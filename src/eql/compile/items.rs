//! Sequences and samples to the order of their stages and the keys that join them.

use super::super::ast::{Item, Key, Sample, Sequence};
use super::super::key::KeyField;
use super::super::{sample, sequence};
use super::Compiler;

impl Compiler<'_> {
    pub(crate) fn sequence(&mut self, sequence: &Sequence) -> sequence::Plan {
        let (mut items, mut shape) = (Vec::new(), Vec::new());
        let mut gaps = vec![Vec::new()];
        for (stage, item) in sequence.items.iter().enumerate() {
            if let Some(gap) = gaps.last_mut().filter(|_| item.missing) {
                gap.push(stage);
            }
            for _ in 0..item.runs.unwrap_or(1) {
                shape.push(!item.missing);
                if !item.missing {
                    items.push(stage);
                    gaps.push(Vec::new());
                }
            }
        }
        let keys = sequence.items.iter().chain(&sequence.until);
        sequence::Plan {
            items: items.into(),
            gaps: gaps.into_iter().map(Vec::into_boxed_slice).collect(),
            shape: shape.into(),
            until: sequence.until.as_ref().map(|_| sequence.items.len()),
            maxspan: sequence.maxspan.map(|maxspan| maxspan.millis()),
            keys: keys.map(|item| self.keys(&sequence.by, item)).collect(),
        }
    }

    pub(crate) fn sample(&mut self, sample: &Sample) -> sample::Plan {
        sample::Plan { keys: sample.items.iter().map(|item| self.keys(&sample.by, item)).collect() }
    }

    /// The shared keys first, then the item's own.
    fn keys(&mut self, shared: &[Key], item: &Item) -> Box<[KeyField]> {
        shared.iter().chain(&item.by).map(|key| self.key(key)).collect()
    }

    fn key(&mut self, key: &Key) -> KeyField {
        let field = self.schema.resolve(&key.name.path).map(|(field, _)| field);
        self.fields.extend(field);
        KeyField { field, nullable: key.name.optional }
    }
}
