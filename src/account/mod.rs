//! The account databases as they are: the last known state, when to read again, and each difference as a
//! change that becomes an event in ECS terms.
//!
//! [`read()`] takes a [`State`] from the files (never through NSS, which may ask the network and wait),
//! [`changes`] compares two, [`document`] makes an event of a change, and [`Watch`] says when to read
//! again. What was read is kept over a restart ([`State::to_bytes`]), so that a change made while nobody
//! looked is told at the next start.
//!
//! ```
//! use auditward::account::{Change, State, changes, read};
//!
//! let root = tempfile::tempdir().unwrap();
//! std::fs::create_dir(root.path().join("etc")).unwrap();
//! let write = |text: &str| std::fs::write(root.path().join("etc/passwd"), text).unwrap();
//! write("root:x:0:0::/root:/bin/bash\nbob:x:1001:1001::/home/bob:/bin/sh\n");
//! let before = read(root.path(), &State::default());
//! write("root:x:0:0::/root:/bin/bash\nbob:x:0:1001::/home/bob:/bin/sh\n");
//! let after = read(root.path(), &before.state);
//! let told: Vec<String> = changes(&before.state, &after.state).iter().map(Change::sentence).collect();
//! assert_eq!(told, ["account bob has UID 0 now, had 1001, in /etc/passwd line 2"]);
//! ```

mod change;
mod effect;
mod event;
mod group;
mod lines;
mod mounts;
mod nsswitch;
mod numbers;
mod passwd;
mod read;
pub mod root;
mod source;
mod state;
mod sudoers;
mod text;
mod userdb;
mod watch;

pub(crate) use change::is_privileged_group;
pub use change::{Aspect, Change, Kind, PRIVILEGED_GROUPS, changes};
pub use effect::is_without_effect;
pub use event::{DATASET, Writer, document};
pub use group::Group;
pub use mounts::{Device, Mounts, Place};
pub(crate) use numbers::{content, id};
pub use passwd::{Password, User};
pub use read::{Outcome, Readout, read};
pub use source::{FILES, Source};
pub use state::{Entry, Files, MOST_STATE_BYTES, State, StateError};
pub use sudoers::{Metadata, is_read};
pub use text::Text;
pub use watch::{COUNTED, Watch, Woken, Written};
