//! (room to be built)

pub mod config;
