//! How long alerts take from their receipt to their delivery: a histogram of fixed size.

use std::time::Duration;

use hdrhistogram::Histogram;

/// The longest delay that is told apart from longer ones.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Significant decimal digits of what is read out.
const DIGITS: u8 = 2;

/// Delays, counted in microseconds. About 30 KB, whatever is counted.
#[derive(Clone, Debug, Default)]
pub struct Delays(Option<Histogram<u64>>);

impl Delays {
    /// Counts one; longer than a day counts as a day.
    pub fn add(&mut self, delay: Duration) {
        let histogram = match &mut self.0 {
            Some(histogram) => histogram,
            // The bounds are constant and sound: this cannot fail.
            None => match Histogram::new_with_bounds(1, LONGEST.as_micros() as u64, DIGITS) {
                Ok(histogram) => self.0.insert(histogram),
                Err(_) => return,
            },
        };
        histogram.saturating_record(u64::try_from(delay.as_micros()).unwrap_or(u64::MAX));
    }

    /// Takes in what another has counted.
    pub fn merge(&mut self, other: &Self) {
        match (&mut self.0, &other.0) {
            (Some(mine), Some(theirs)) => {
                // The same bounds on both sides: this cannot fail.
                let _ = mine.add(theirs);
            }
            (mine @ None, Some(theirs)) => *mine = Some(theirs.clone()),
            (_, None) => {}
        }
    }

    /// How many were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.as_ref().map_or(0, Histogram::len)
    }

    /// The delay that a share `quantile` (0.99) of all did not exceed, within one per cent; none before
    /// the first.
    #[must_use]
    pub fn at(&self, quantile: f64) -> Option<Duration> {
        let histogram = self.0.as_ref().filter(|histogram| !histogram.is_empty())?;
        Some(Duration::from_micros(histogram.value_at_quantile(quantile)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_known_delays() {
        let mut delays = Delays::default();
        assert_eq!((delays.count(), delays.at(0.5)), (0, None));
        (1..=1000).for_each(|n| delays.add(Duration::from_micros(n * 10)));
        let near = |at: Option<Duration>, micros: u64| {
            let at = at.expect("counted").as_micros() as u64;
            assert!(at >= micros && at <= micros + micros / 50, "{at} for {micros}");
        };
        near(delays.at(0.5), 5_000);
        near(delays.at(0.99), 9_900);
        let mut both = Delays::default();
        both.merge(&delays);
        both.merge(&delays);
        both.merge(&Delays::default());
        assert_eq!(both.count(), 2000);
        near(both.at(0.99), 9_900);
    }

    #[test]
    fn years_and_nothing_are_counted_too() {
        let mut delays = Delays::default();
        delays.add(Duration::ZERO);
        delays.add(Duration::MAX);
        assert_eq!(delays.count(), 2);
        assert!(delays.at(1.0).expect("counted") >= LONGEST - LONGEST / 50);
    }
}
