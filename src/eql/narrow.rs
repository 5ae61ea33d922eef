//! A query made narrower: conditions that its events must meet besides its own.

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Source};

use super::ast::{Body, EventFilter, Expr, ExprKind, Query};
use super::parser::parse_condition;
use super::program::{Kind, Program, parse};

/// A condition that is added to a query.
#[derive(Clone, Debug)]
pub struct Added {
    /// The condition, without category and `where`.
    pub condition: Arc<Source>,
    /// Of a sequence or sample: the item that it is for, from 0 in the order of the query; none for all,
    /// that of `until` among them.
    pub stage: Option<usize>,
}

/// `query` with all of `added`, as text. It finds what `query` would find among the events that meet
/// them.
///
/// # Errors
/// Every fault of syntax, each with its place in the query or the condition.
pub fn narrowed(query: &Arc<Source>, added: &[Added]) -> Result<String, Vec<Diagnostic>> {
    let mut tree = parse(query)?;
    for Added { condition, stage } in added {
        let told = |faults: Vec<super::fault::Fault>| {
            faults.iter().map(|fault| fault.diagnostic(condition)).collect::<Vec<_>>()
        };
        let condition = parse_condition(&condition.text).map_err(told)?;
        for (number, filter) in filters(&mut tree).into_iter().enumerate() {
            if stage.is_none_or(|stage| stage == number) {
                narrow(filter, &condition);
            }
        }
    }
    Ok(tree.to_string())
}

fn filters(query: &mut Query) -> Vec<&mut EventFilter> {
    match &mut query.body {
        Body::Event(filter) => vec![filter],
        Body::Sequence(sequence) => {
            let items = sequence.items.iter_mut().chain(&mut sequence.until);
            items.map(|item| &mut item.filter).collect()
        }
        Body::Sample(sample) => sample.items.iter_mut().map(|item| &mut item.filter).collect(),
    }
}

fn narrow(filter: &mut EventFilter, by: &Expr) {
    let span = filter.condition.span;
    let own = std::mem::replace(&mut filter.condition, by.clone());
    let mut operands = Vec::new();
    for part in [own, by.clone()] {
        match part.kind {
            ExprKind::And(parts) => operands.extend(parts),
            kind => operands.push(Expr { kind, span: part.span }),
        }
    }
    filter.condition = Expr { kind: ExprKind::And(operands), span };
}

impl Program {
    /// How many items the query has that can happen or be missing; 1 for an event query.
    #[must_use]
    pub fn items(&self) -> usize {
        self.sequence().map_or(self.stages().len(), |plan| plan.shape.len())
    }

    /// Of the events that a match has, in order: which item each is of, from 0 in the order of the query.
    #[must_use]
    pub fn items_of_match(&self) -> Vec<usize> {
        match (self.kind(), self.sequence()) {
            (Kind::Sequence, Some(plan)) => plan.items.to_vec(),
            _ => (0..self.stages().len()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn narrowed_by(query: &str, condition: &str, stage: Option<usize>) -> String {
        let source = |text: &str| Arc::new(Source { name: "q".into(), text: text.to_owned() });
        narrowed(&source(query), &[Added { condition: source(condition), stage }]).expect("sound")
    }

    #[test]
    fn the_condition_joins_those_of_the_query() {
        let narrow = narrowed_by("process where a == 1 or b == 2", "not c == 3", None);
        assert_eq!(narrow, "process where (a == 1 or b == 2) and not c == 3");
        let narrow = narrowed_by("process where a == 1 and b == 2", "c == 3 and d == 4", None);
        assert_eq!(narrow, "process where a == 1 and b == 2 and c == 3 and d == 4");
    }

    #[test]
    fn of_a_sequence_one_item_or_all() {
        let query = "sequence by x [any where a == 1] ![file where b == 2] with maxspan=5s";
        let query = query.replace(" with maxspan=5s", "").replace("by x", "by x with maxspan=5s");
        let one = narrowed_by(&query, "c == 3", Some(1));
        assert!(one.contains("[any where a == 1]") && one.contains("b == 2 and c == 3]"), "{one}");
        let all = narrowed_by(&query, "c == 3", None);
        assert_eq!(all.matches("c == 3").count(), 2, "{all}");
    }
}
