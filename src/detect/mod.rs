//! Events × rules → matches.
//!
//! [`Engine::process`] is asked about each event as it ends. `index` finds the rules that the event can
//! match at all, by what their queries need of any event; only those are asked in full.

mod engine;
mod index;
mod kernel_needs;
mod needs;

pub use engine::{Counts, Engine, Match, NotLive};
pub use kernel_needs::{NEEDS_NOTHING, kernel_needs};
pub use needs::needs;
