//! Who started whom: a bounded table of processes, fed by events, a snapshot of /proc and, live, by
//! /proc where something is missing.
//!
//! # What makes a process
//!
//! A process is a node, a pid and a birth, never a pid alone: numbers are given again. The table decides
//! from what the kernel writes whether a sighting of a number is the process it knows:
//!
//! - the login id and session pass from parent to child and change only by a LOGIN record, so a number
//!   with another login is another process;
//! - a fork that returns the number, and an exit, are beginnings and ends;
//! - the parent's number changes only when the parent ends.
//!
//! A parent is taken from the table only when nothing speaks against it. In doubt it is unknown, with
//! its pid: a wrong parent is worse than none. Times are not compared for this (clocks are set, and a
//! record is stamped when its system call was entered), the order of arrival is: the ids in a record
//! are read when it is written.

mod entry;
mod identity;
mod image;
mod known;
mod line;
mod parents;
mod process;
mod slots;
mod table;

pub use image::Image;
pub(crate) use line::Line;
pub use parents::{Environment, Gaps, Mounted, NoGaps, RootLink};
pub use process::{Entry, Found, Ids, Login, Origin, Place, Process, Terminal};
pub use slots::ProcessRef;
pub use table::{Counters, Forked, Limits, ProcessTable, Sighting};

#[cfg(test)]
mod tests;
