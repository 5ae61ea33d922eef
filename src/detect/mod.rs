//! Events × rules → matches.
//!
//! [`Engine::process`] is asked about each event as it ends. `index` says which conditions
//! hold of the event, without asking each. `joined` holds the rules that join several events, `awake` says which of
//! them hold anything, `waiting` has the events that wait for their place in time, `kept` is what is kept of events,
//! `hosts` has a state for each host, `state` is what of it outlives the process. `sieve` asks what events are to rules
//! beside it.

mod awake;
mod engine;
mod hosts;
mod index;
mod joined;
mod kept;
mod kernel_needs;
mod needs;
mod sieve;
mod state;
mod waiting;

pub use engine::{Counts, Engine, Events, Match, NotLive, Span};
pub use joined::{JoinCounts, Limits};
pub use kept::{Evidence, Keep, Kept, Source, holder, host_key};
pub use kernel_needs::{NEEDS_NOTHING, kernel_needs};
pub use needs::needs;
pub use sieve::{Sieve, Sifted};
pub use state::{MOST_BYTES as MOST_STATE_BYTES, Resumed, StateError};

#[cfg(test)]
mod tests;
