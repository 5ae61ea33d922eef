//! Alerts leave the house: as a readable line or as JSON, into syslog, a file, standard output.

pub mod json;
mod lines;

pub use lines::{Format, Lines};
