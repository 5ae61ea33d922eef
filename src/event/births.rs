//! When running processes began, as the process table knows it: `process.entity_id` is made of that, and so
//! that it names the same process after a restart, the next table takes it up.

use serde::{Deserialize, Serialize};

use super::ancestry::{Found, ProcessTable};

/// A running process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Birth {
    /// Its pid.
    pub pid: u32,
    /// When it began as /proc tells, in milliseconds since the Unix epoch.
    pub told: u64,
    /// When the table first knew of it; that may be later.
    pub known: u64,
}

/// /proc gives seconds since the boot, whose own time is told in whole seconds and moves with the clock.
const TOLERANCE: u64 = 1_500;

/// Of each process of `running` that `table` knows.
pub(super) fn of(table: &ProcessTable, running: &[Found]) -> Vec<Birth> {
    let births = running.iter().filter_map(|found| {
        let known = table.current(0, found.pid).and_then(|at| table.get(at))?.start;
        // What the table knew before this one began was another process.
        (known + TOLERANCE >= found.start).then_some(Birth { pid: found.pid, told: found.start, known })
    });
    births.collect()
}

/// Gives the processes of `running` that were there already the times of `births`.
pub(super) fn restore(births: &[Birth], running: &mut [Found]) {
    let births: std::collections::HashMap<u32, &Birth> =
        births.iter().map(|birth| (birth.pid, birth)).collect();
    for found in running {
        if let Some(birth) =
            births.get(&found.pid).filter(|birth| birth.told.abs_diff(found.start) <= TOLERANCE)
        {
            found.start = birth.known;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::ancestry::Limits;

    fn found(pid: u32, start: u64) -> Found {
        Found::running(pid, 1, start, b"/bin/x")
    }

    #[test]
    fn the_same_process_is_called_the_same_and_its_successor_is_not() {
        let mut table = ProcessTable::new(Limits::default());
        // Known since it was first seen; since /proc told of it; another process by now.
        for (pid, known) in [(7, 60_000), (8, 50_000), (9, 10_000)] {
            table.add_snapshot(0, b"host", found(pid, known));
        }
        let births = of(&table, &[found(7, 50_000), found(8, 50_000), found(9, 50_000), found(10, 50_000)]);
        let birth = |pid, known| Birth { pid, told: 50_000, known };
        assert_eq!(births, [birth(7, 60_000), birth(8, 50_000)]);
        // The boot's time is told a second later, after the clock was set.
        let mut running = [found(7, 51_000), found(8, 51_000)];
        restore(&births, &mut running);
        assert_eq!(running.map(|found| found.start), [60_000, 50_000]);
        // Its number has gone to another.
        let mut running = [found(7, 90_000)];
        restore(&births, &mut running);
        assert_eq!(running.map(|found| found.start), [90_000]);
    }
}
