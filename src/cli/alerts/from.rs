//! Where stored alerts come from: the running daemon, or the file when none runs.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};

use crate::clean;
use crate::cli::status::{connect, runtime};
use crate::daemon::config::{self, CONFIG_FILE, Mode};
use crate::daemon::directories::{CONTROL_SOCKET, STATE};
use crate::store::{FILE, Query, Reader, StoredAlert};

/// The longest answer that is read, in bytes.
const LONGEST: u64 = 256 << 20;

/// How long the daemon may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where to look.
#[derive(Debug, clap::Args)]
pub(super) struct Place {
    /// Read this file instead of asking the daemon, e.g. one that was set aside
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,

    /// The runtime directory of the daemon [default: of the configuration, else /run/auditward]
    #[arg(long, value_name = "DIR")]
    runtime: Option<PathBuf>,

    /// Configuration file [default: /etc/auditward/auditward.toml where it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// An open source.
pub(super) enum From {
    Daemon(PathBuf),
    File(Reader),
}

impl Place {
    /// # Errors
    /// No daemon runs, and the file cannot be read either.
    pub(super) fn open(&self) -> anyhow::Result<From> {
        if let Some(file) = &self.store {
            return read(file);
        }
        let socket = runtime(self.runtime.as_deref(), self.config.as_deref()).join(CONTROL_SOCKET);
        if connect(&socket)?.is_some() {
            return Ok(From::Daemon(socket));
        }
        let file = self.file();
        if !file.exists() {
            bail!("no daemon answers at {}, and there is no store at {}", socket.display(), file.display());
        }
        read(&file)
    }

    /// The file of a daemon that does not run.
    fn file(&self) -> PathBuf {
        let config = self.config.as_deref().unwrap_or(Path::new(CONFIG_FILE));
        let config = config::read(config, Mode::Start).map(|(config, _)| config).unwrap_or_default();
        let state = config.daemon.state_directory.unwrap_or_else(|| STATE.into());
        config.store.path.unwrap_or_else(|| state.join(FILE))
    }
}

fn read(file: &Path) -> anyhow::Result<From> {
    let reader = Reader::open(file).map_err(|why| anyhow!("{}: {why}", file.display()))?;
    Ok(From::File(reader))
}

impl From {
    /// See [`Reader::page`].
    ///
    /// # Errors
    /// The daemon is gone or refuses; the file cannot be read.
    pub(super) fn page(&self, query: &Query) -> anyhow::Result<Vec<StoredAlert>> {
        match self {
            Self::File(reader) => reader.page(query).map_err(|why| anyhow!("the store: {why}")),
            Self::Daemon(socket) => {
                let stream = connect(socket)?;
                let stream = stream.ok_or_else(|| anyhow!("the daemon at {} has ended", socket.display()))?;
                ask(stream, query).with_context(|| socket.display().to_string())
            }
        }
    }
}

fn ask(mut stream: UnixStream, query: &Query) -> anyhow::Result<Vec<StoredAlert>> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(format!("alerts {}\n", query.text()).as_bytes())?;
    let mut answer = String::new();
    stream.take(LONGEST).read_to_string(&mut answer)?;
    let (word, rest) = answer.split_once('\n').unwrap_or((&answer, ""));
    match word {
        "alerts" => rest
            .lines()
            .map(|line| StoredAlert::of_wire(line).context("the daemon's answer is not understood"))
            .collect(),
        "refused" => bail!("{}", clean::text(rest.trim_end().as_bytes())),
        _ => bail!("the daemon's answer is not understood"),
    }
}
