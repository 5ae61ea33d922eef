//! What the rules that join events hold: all of them together, and which of them anything at all. Each event asks, and the
//! states of dozens of rules lie far apart in memory.

/// See the module.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Awake {
    /// By the rules' numbers, one bit each.
    awake: Vec<u64>,
    held: usize,
}

impl Awake {
    /// Notes that a rule held so much before, holds so much now, and whether an event could go on with any of it.
    pub(super) fn note(&mut self, number: usize, before: usize, held: usize, is_awake: bool) {
        self.held = (self.held + held).saturating_sub(before);
        let at = number / 64;
        if self.awake.len() <= at {
            self.awake.resize(at + 1, 0);
        }
        if let Some(word) = self.awake.get_mut(at) {
            let bit = 1 << (number % 64);
            *word = if is_awake { *word | bit } else { *word & !bit };
        }
    }

    /// Whether an event could go on with something that the rule holds.
    pub(super) fn is(&self, number: usize) -> bool {
        self.awake.get(number / 64).is_some_and(|word| word >> (number % 64) & 1 != 0)
    }

    /// What all rules hold.
    pub(super) fn held(&self) -> usize {
        self.held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_has_a_bit_of_its_own_and_all_are_summed_up() {
        let mut awake = Awake::default();
        for (number, held) in [(0, 2), (63, 3), (64, 0), (130, 5)] {
            awake.note(number, 0, held, held > 0);
        }
        let which = |awake: &Awake| (0..200).filter(|number| awake.is(*number)).collect::<Vec<_>>();
        assert_eq!((which(&awake), awake.held()), (vec![0, 63, 130], 10));
        awake.note(63, 3, 0, false);
        // A forbidden event counts, though nothing is held.
        awake.note(64, 0, 0, true);
        awake.note(130, 5, 6, true);
        assert_eq!((which(&awake), awake.held()), (vec![0, 64, 130], 8));
    }
}
