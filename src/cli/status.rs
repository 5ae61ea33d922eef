//! `auditward status`: what the running daemon says of itself.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::ValueEnum;

use super::Status;
use crate::daemon::config::{self, CONFIG_FILE, DaemonConfig, Mode};
use crate::daemon::directories::{self, STATUS_SOCKET};
use crate::daemon::status::{self, Report};

/// The longest report that is read, in bytes.
const LONGEST: u64 = 64 << 20;

/// How long the daemon may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Show how the running daemon is: since when, how much, what was lost and where, which rules are live.
///
/// Only root and the group auditward may ask.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit status: 0 it answered, 1 no daemon runs, 2 it could not be asked.\n\
    docs/status.md tells each field and metric.")]
pub struct Args {
    /// How it is shown
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// The runtime directory of the daemon [default: of the configuration, else /run/auditward]
    #[arg(long, value_name = "DIR")]
    runtime: Option<PathBuf>,

    /// Configuration file [default: /etc/auditward/auditward.toml where it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One fact a line
    Text,
    /// All of it
    Json,
    /// Metrics in Prometheus's text format
    Prometheus,
}

/// Runs the command.
///
/// # Errors
/// The socket may not be opened, or what comes from it is no report.
pub fn run(args: &Args) -> anyhow::Result<Status> {
    let socket = runtime(args.runtime.as_deref(), args.config.as_deref()).join(STATUS_SOCKET);
    let Some(stream) = connect(&socket)? else {
        eprintln!("auditward: no daemon answers at {}: none runs", socket.display());
        return Ok(Status::NotSo);
    };
    let (report, json) = read(stream).with_context(|| socket.display().to_string())?;
    let text = match args.format {
        Format::Text => status::text(&report),
        Format::Json => json,
        Format::Prometheus => status::prometheus(&report),
    };
    io::stdout().lock().write_all(text.as_bytes())?;
    Ok(Status::Fine)
}

/// Where the daemon's sockets are.
pub(super) fn runtime(named: Option<&Path>, config: Option<&Path>) -> PathBuf {
    if let Some(named) = named {
        return named.to_owned();
    }
    let file = config.unwrap_or(Path::new(CONFIG_FILE));
    let config = config::read(file, Mode::Start).map_or_else(|_| DaemonConfig::default(), |(c, _)| c.daemon);
    directories::runtime(&config)
}

/// The daemon at the other end; none when no daemon listens.
///
/// # Errors
/// It may not be spoken to.
pub(super) fn connect(socket: &Path) -> anyhow::Result<Option<UnixStream>> {
    match UnixStream::connect(socket) {
        Ok(stream) => Ok(Some(stream)),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Ok(None),
            io::ErrorKind::PermissionDenied => {
                bail!("{}: {error}: ask as root, or as a member of the group auditward", socket.display())
            }
            _ => Err(error).with_context(|| socket.display().to_string()),
        },
    }
}

/// The report and its text as it came.
pub(super) fn read(mut stream: UnixStream) -> anyhow::Result<(Report, String)> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut text = String::new();
    Read::by_ref(&mut stream).take(LONGEST).read_to_string(&mut text)?;
    let value: serde_json::Value = serde_json::from_str(&text).context("the daemon's answer")?;
    if let Some(error) = value.get("error").and_then(serde_json::Value::as_str) {
        bail!("{error}");
    }
    let report = serde_json::from_value(value).context("the daemon's answer")?;
    Ok((report, text))
}
