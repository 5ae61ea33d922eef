//! `--secrets`: whether passwords and the like in arguments are shown.

use std::path::Path;

use clap::ValueEnum;

use crate::daemon::directories;
use crate::secret::{self, Key, Masker};

/// The option, for commands that write events or alerts.
#[derive(Debug, clap::Args)]
pub(super) struct Secrets {
    /// Passwords, tokens and keys in arguments. `mask`: each is replaced by a token, equal for equal secrets;
    /// the daemon's where this user may read its key, else for this run alone. `keep`: as they are.
    #[arg(long, value_enum, default_value_t = Shown::Mask, value_name = "mask|keep")]
    secrets: Shown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shown {
    Mask,
    Keep,
}

impl Secrets {
    /// Makes it the policy of the process.
    ///
    /// # Errors
    /// The kernel gives no random bytes for a key.
    pub(super) fn apply(&self) -> anyhow::Result<()> {
        match self.secrets {
            Shown::Keep => secret::keep(),
            Shown::Mask => {
                let of_the_daemon = Key::read(&Path::new(directories::STATE).join(secret::KEY_FILE));
                let key = of_the_daemon.or_else(|_| Key::random())?;
                secret::mask_with(Masker::new(key));
            }
        }
        Ok(())
    }
}
