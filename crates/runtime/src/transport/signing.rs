//! Signing with a private key in PEM: the only use of the TLS library's keys outside of TLS.

use rustls::SignatureScheme as Scheme;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::sign;

use crate::secret::Secret;

/// The algorithms by their name in a signed token, in the order tried when none is named. The number
/// is the length of half a signature, where the other side wants both halves side by side.
const ALGORITHMS: [(&str, Scheme, usize); 9] = [
    ("RS256", Scheme::RSA_PKCS1_SHA256, 0),
    ("RS384", Scheme::RSA_PKCS1_SHA384, 0),
    ("RS512", Scheme::RSA_PKCS1_SHA512, 0),
    ("PS256", Scheme::RSA_PSS_SHA256, 0),
    ("PS384", Scheme::RSA_PSS_SHA384, 0),
    ("PS512", Scheme::RSA_PSS_SHA512, 0),
    ("ES256", Scheme::ECDSA_NISTP256_SHA256, 32),
    ("ES384", Scheme::ECDSA_NISTP384_SHA384, 48),
    ("EdDSA", Scheme::ED25519, 0),
];

/// A private key, ready to sign. It has no text form of its own.
pub(crate) struct Signer {
    algorithm: &'static str,
    half: usize,
    signer: Box<dyn sign::Signer>,
}

impl Signer {
    /// Reads a key in PEM (PKCS#8, PKCS#1 or SEC1) for an algorithm, or for the first that fits it.
    pub(crate) fn new(pem: &Secret, wanted: Option<&str>) -> Result<Self, String> {
        let der = PrivateKeyDer::from_pem_slice(pem.expose().as_bytes())
            .map_err(|_| "it is no private key in PEM (-----BEGIN PRIVATE KEY-----)".to_owned())?;
        let key = any_supported_type(&der).map_err(|_| {
            "its private key is neither RSA, nor P-256, P-384 or Ed25519".to_owned()
        })?;
        let fitting = ALGORITHMS.iter().filter(|(name, ..)| wanted.is_none_or(|it| it == *name));
        let mut found = fitting.filter_map(|(algorithm, scheme, half)| {
            let signer = key.choose_scheme(&[*scheme])?;
            Some(Self { algorithm, half: *half, signer })
        });
        found.next().ok_or_else(|| {
            let names: Vec<&str> = ALGORITHMS.iter().map(|(name, ..)| *name).collect();
            let wanted = wanted.unwrap_or_default();
            format!("its key cannot sign with {wanted:?}; there are {} and HS256", names.join(", "))
        })
    }

    /// The algorithm's name in a signed token.
    pub(crate) fn algorithm(&self) -> &'static str {
        self.algorithm
    }

    /// The signature of a message, in the form signed tokens have.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        let signature = self.signer.sign(message).map_err(|error| error.to_string())?;
        if self.half == 0 {
            return Ok(signature);
        }
        halves(&signature, self.half).ok_or_else(|| "the signature has an unknown form".to_owned())
    }
}

/// The two numbers of an ECDSA signature side by side, each `half` bytes long, out of their DER form.
fn halves(der: &[u8], half: usize) -> Option<Vec<u8>> {
    // SEQUENCE, length below 128, then two INTEGERs: 2 * 50 + 4 bytes at most.
    let [0x30, length, rest @ ..] = der else { return None };
    if usize::from(*length) != rest.len() {
        return None;
    }
    let (mut rest, mut joined) = (rest, Vec::with_capacity(2 * half));
    for _ in 0..2 {
        let [0x02, length, more @ ..] = rest else { return None };
        let (number, after) = more.split_at_checked(usize::from(*length))?;
        let zeros = number.iter().take_while(|byte| **byte == 0).count();
        let digits = &number[zeros..];
        joined.resize(joined.len() + half.checked_sub(digits.len())?, 0);
        joined.extend_from_slice(digits);
        rest = after;
    }
    rest.is_empty().then_some(joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_numbers_of_a_signature_are_put_side_by_side() {
        // 0x0080 has a leading zero, since its first bit would make it negative; 0x01 is short.
        let der = [0x30, 7, 0x02, 2, 0x00, 0x80, 0x02, 1, 0x01];
        assert_eq!(halves(&der, 2), Some(vec![0x00, 0x80, 0x00, 0x01]));
        assert_eq!(halves(&der, 1), Some(vec![0x80, 0x01]));
        assert_eq!(halves(&der[..8], 2), None);
        assert_eq!(halves(&[0x30, 7, 0x02, 2, 1, 1, 0x02, 1, 1], 1), None);
    }

    #[test]
    fn what_is_no_key_is_refused_without_repeating_it() {
        let refused = Signer::new(&Secret::new("canary"), None).err().expect("it is no key");
        assert!(
            refused.contains("no private key in PEM") && !refused.contains("canary"),
            "{refused}"
        );
    }
}
