//! TLS for the https probe: which certificates it trusts.
//!
//! Sessions are never resumed, so that every check verifies the server's certificate.

use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::config::model::HttpConfig;

/// The system's trusted certificates, read when the first probe wants them.
#[derive(Debug, Default)]
pub(crate) struct TrustStore {
    system: OnceLock<Result<Arc<RootCertStore>, String>>,
}

impl TrustStore {
    /// How a probe speaks TLS.
    ///
    /// # Errors
    /// Why its certificates cannot be had, in words.
    pub(crate) fn client(&self, http: &HttpConfig) -> Result<Arc<ClientConfig>, String> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let builder = if http.tls_verify {
            builder.with_root_certificates(self.roots(http.tls_ca_file.as_deref())?)
        } else {
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        };
        let mut config = builder.with_no_client_auth();
        config.resumption = Resumption::disabled();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    fn roots(&self, file: Option<&Path>) -> Result<Arc<RootCertStore>, String> {
        match file {
            Some(file) => from_file(file).map(Arc::new),
            None => self.system.get_or_init(from_system).clone(),
        }
    }
}

/// The certificates of a PEM file.
fn from_file(file: &Path) -> Result<RootCertStore, String> {
    let problem = |what: String| format!("tls_ca_file {}: {what}", file.display());
    let pem = fs::read(file).map_err(|error| problem(super::socket::words(&error)))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| problem(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| problem(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(problem("no certificate in it".into()));
    }
    Ok(roots)
}

/// The system's certificates. Those that rustls does not understand are left out, as every client
/// does; a system has some such.
fn from_system() -> Result<Arc<RootCertStore>, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    match (roots.is_empty(), found.errors.first()) {
        (false, _) => Ok(Arc::new(roots)),
        (true, Some(error)) => Err(format!("the system's trusted certificates: {error}")),
        (true, None) => Err(
            "the system trusts no certificate: install ca-certificates, or set \
                             tls_ca_file"
                .into(),
        ),
    }
}

/// `tls_verify = false`: any certificate will do, for any name. The server must still hold its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
