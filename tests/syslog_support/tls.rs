//! Certificates of the test's own CA, and rsyslogd's input for them.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};

/// A year in which a certificate ends that is to be good.
pub(crate) const FAR: i32 = 2090;

/// A certificate authority that writes into a directory: `NAME.pem` and `NAME.key`.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    directory: PathBuf,
}

impl Authority {
    pub(crate) fn new(directory: &Path, name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(directory.join(format!("{name}.pem")), certificate.pem()).unwrap();
        Self { issuer: Issuer::new(params, key), directory: directory.to_owned() }
    }

    /// A certificate for these names, until the first day of `year`.
    pub(crate) fn give(&self, file: &str, names: &[&str], year: i32) {
        let mut params =
            CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, names[0]);
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(year, 1, 1));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        // The key first: who reads between the two finds two that do not fit, and tries again.
        std::fs::write(self.directory.join(format!("{file}.key")), key.serialize_pem()).unwrap();
        std::fs::write(self.directory.join(format!("{file}.pem")), certificate.pem()).unwrap();
    }
}

/// Whether rsyslogd can take TLS here; the reason is printed where it cannot.
///
/// # Panics
/// Where it cannot although `AUDITWARD_LIVE=1` demands it.
pub(crate) fn is_installed() -> bool {
    let found = Path::new("/usr/lib/x86_64-linux-gnu/rsyslog/lmnsd_gtls.so").exists();
    if !found {
        let live = std::env::var_os("AUDITWARD_LIVE").is_some_and(|v| v == "1");
        assert!(!live || cfg!(not(target_arch = "x86_64")), "rsyslog's gtls driver is not installed");
        println!("skipped: rsyslog's gtls driver is not installed (package rsyslog-gnutls)");
    }
    found
}

/// An input that takes TLS at the port, of these names only, with `server.pem`; `more` are further parameters of it.
pub(crate) fn input(certificates: &Path, peers: &[&str], port: u16, more: &str) -> String {
    let here = certificates.display();
    format!(
        r#"
global(defaultNetstreamDriverCAFile="{here}/ca.pem" defaultNetstreamDriverCertFile="{here}/server.pem"
    defaultNetstreamDriverKeyFile="{here}/server.key")
module(load="imtcp" MaxSessions="1000" StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="x509/name"
    PermittedPeer={peers:?})
input(type="imtcp" address="127.0.0.1" port="{port}" {more})
"#
    )
}
