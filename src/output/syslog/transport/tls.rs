//! RFC 5425: syslog over TLS, by rustls.
//!
//! Certificates and keys are read anew for each connection: one that was replaced, since it had expired, is in use
//! at the next attempt.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::poll::PollFlags;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::closed;
use super::tcp::Tcp;

/// With TLS 1.3 a receiver refuses our certificate after the handshake, as we see it: so long the first message waits
/// for that.
const REFUSAL: Duration = Duration::from_millis(200);

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(15);

/// Who the receiver must be, and who we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// PEM: the certificates of which one must have signed the receiver's.
    pub ca: PathBuf,
    /// The name (or IP address) that the receiver's certificate must be for; none: the address that is connected to.
    pub name: Option<String>,
    /// PEM: our certificate with those that lead to its CA, and its key; none: we show none.
    pub own: Option<(PathBuf, PathBuf)>,
}

impl Peer {
    /// Whether a certificate can be for `name`: a DNS name or an IP address.
    #[must_use]
    pub fn is_name(name: &str) -> bool {
        ServerName::try_from(name).is_ok()
    }

    fn config(&self) -> io::Result<ClientConfig> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&self.ca)? {
            roots.add(certificate).map_err(|e| in_file(&self.ca, &e))?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots);
        let Some((certificate, key)) = &self.own else { return Ok(config.with_no_client_auth()) };
        let private = PrivateKeyDer::from_pem_file(key).map_err(|e| in_file(key, &e))?;
        config
            .with_client_auth_cert(certificates(certificate)?, private)
            .map_err(|e| in_file(certificate, &e))
    }
}

/// The certificates of a PEM file, one at least.
fn certificates(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let all = all.map_err(|e| in_file(path, &e))?;
    if all.is_empty() {
        return Err(in_file(path, &"no certificate in it"));
    }
    Ok(all)
}

fn in_file(path: &Path, error: &dyn std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("{}: {error}", path.display()))
}

#[derive(Debug)]
pub(super) struct Tls {
    tcp: Tcp,
    session: ClientConnection,
    opened: Instant,
    /// When the handshake was over; none before.
    ready: Option<Instant>,
    /// Something came from the receiver since: it has taken our certificate.
    heard: bool,
}

impl Tls {
    /// Begins to connect; the files are read.
    pub(super) fn open(to: SocketAddr, peer: &Peer) -> io::Result<Self> {
        let name = match &peer.name {
            Some(name) => ServerName::try_from(name.clone()).map_err(io::Error::other)?,
            None => ServerName::from(to.ip()),
        };
        let session = ClientConnection::new(Arc::new(peer.config()?), name).map_err(io::Error::other)?;
        Ok(Self { tcp: Tcp::open(to)?, session, opened: Instant::now(), ready: None, heard: false })
    }

    /// Hands over `frame` from `sent` on; done when the kernel has all of it, encrypted.
    pub(super) fn send_rest(&mut self, frame: &[u8], sent: &mut usize) -> io::Result<()> {
        self.tcp.finish_connecting()?;
        loop {
            self.read()?;
            while self.session.wants_write() {
                self.session.write_tls(&mut self.tcp.stream)?;
            }
            if self.session.is_handshaking() {
                if self.opened.elapsed() > HANDSHAKE {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let ready = *self.ready.get_or_insert_with(Instant::now);
            if !self.heard && ready.elapsed() < REFUSAL {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let rest = frame.get(*sent..).unwrap_or_default();
            if rest.is_empty() {
                return Ok(());
            }
            *sent += self.session.writer().write(rest)?;
        }
    }

    /// Takes in what the receiver says: handshake, alerts, its end. Data is thrown away; syslog has no answers.
    pub(super) fn read(&mut self) -> io::Result<()> {
        loop {
            match self.session.read_tls(&mut self.tcp.stream) {
                Ok(0) => return Err(closed()),
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            }
            self.heard |= self.ready.is_some();
            if let Err(e) = self.session.process_new_packets() {
                // Tells the receiver why, as far as it goes.
                let _ = self.session.write_tls(&mut self.tcp.stream);
                return Err(io::Error::new(io::ErrorKind::InvalidData, e));
            }
            let mut scrap = [0_u8; 256];
            loop {
                match self.session.reader().read(&mut scrap) {
                    Ok(0) => return Err(closed()),
                    Ok(_) => {}
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                    Err(e) => return Err(e),
                }
            }
        }
    }

    /// What is to be waited for.
    pub(super) fn awaits(&self) -> PollFlags {
        if self.session.wants_write() || self.heard || !self.tcp.is_connected() {
            PollFlags::POLLOUT
        } else {
            PollFlags::POLLIN
        }
    }
}

/// Tells the receiver that this is the end and nobody has cut it short.
impl Drop for Tls {
    fn drop(&mut self) {
        self.session.send_close_notify();
        let _ = self.session.write_tls(&mut self.tcp.stream);
    }
}

impl AsFd for Tls {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.tcp.as_fd()
    }
}
