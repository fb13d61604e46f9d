//! Ids and secrets that are the same for the same seed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// Derives every id and secret of a sandbox from its seed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity {
    seed: u64,
}

impl Identity {
    pub(crate) fn new(seed: u64) -> Self {
        Identity { seed }
    }

    fn digest(self, kind: &str, n: u64) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(self.seed.to_be_bytes());
        hasher.update(kind.as_bytes());
        hasher.update([0]);
        hasher.update(n.to_be_bytes());
        hasher.finalize().into()
    }

    /// 32 lower-case hex characters, the form of a ServiceNow `sys_id`.
    pub(crate) fn hex32(self, kind: &str, n: u64) -> String {
        hex::encode(&self.digest(kind, n)[..16])
    }

    /// 64 lower-case hex characters, for secrets and signing keys.
    pub(crate) fn hex64(self, kind: &str, n: u64) -> String {
        hex::encode(self.digest(kind, n))
    }

    /// 23 URL-safe characters ending in `2`, the form of a newer Litmos id.
    pub(crate) fn litmos(self, kind: &str, n: u64) -> String {
        let mut id = URL_SAFE_NO_PAD.encode(&self.digest(kind, n)[..18]);
        id.truncate(22);
        // A leading dash would look like a flag on a command line.
        if id.starts_with(['-', '_']) {
            id.replace_range(..1, "A");
        }
        id.push('2');
        id
    }

    /// A version 4 shaped GUID.
    pub(crate) fn guid(self, kind: &str, n: u64) -> String {
        let h = self.hex32(kind, n);
        format!("{}-{}-4{}-a{}-{}", &h[..8], &h[8..12], &h[13..16], &h[17..20], &h[20..])
    }
}

/// SHA-256 in hex.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_decides_every_id() {
        let (one, same, other) = (Identity::new(1), Identity::new(1), Identity::new(2));
        assert_eq!(one.litmos("user", 3), same.litmos("user", 3));
        assert_ne!(one.litmos("user", 3), other.litmos("user", 3));
        assert_ne!(one.litmos("user", 3), one.litmos("user", 4));
        assert_eq!(one.litmos("user", 3).len(), 23);
        assert_eq!(one.guid("key", 0).len(), 36);
    }
}
