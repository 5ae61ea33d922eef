//! (room to be built)

pub mod config;
pub mod keeper;
pub mod privilege;
