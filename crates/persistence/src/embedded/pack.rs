//! The entries of one append as one value: a single key is written without a batch record,
//! which saves a write to disk when one run writes alone.

/// Puts entries together, each behind its length (7 bits a byte, lowest first).
pub(crate) fn pack(entries: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let entries = || entries.iter().map(AsRef::as_ref);
    let mut packed = Vec::with_capacity(entries().map(|entry: &[u8]| entry.len() + 3).sum());
    for entry in entries() {
        let mut length = entry.len();
        while length > 0x7f {
            packed.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        packed.push(length as u8);
        packed.extend_from_slice(entry);
    }
    packed
}

/// Takes the entries apart; `None` when that does not work out.
pub(crate) fn unpack(mut packed: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut entries = Vec::new();
    while !packed.is_empty() {
        let mut length = 0_usize;
        for shift in (0..).step_by(7) {
            let (byte, rest) = packed.split_first()?;
            packed = rest;
            length |= usize::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let (entry, rest) = packed.split_at_checked(length)?;
        entries.push(entry.to_vec());
        packed = rest;
    }
    Some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_entries_come_back() {
        let entries: Vec<_> =
            [0, 1, 127, 128, 16_383, 16_384, 3_000_000].map(|length| vec![9; length]).into();
        for n_entries in 0..=entries.len() {
            let packed = pack(&entries[..n_entries]);
            assert_eq!(unpack(&packed).as_deref(), Some(&entries[..n_entries]));
        }
        let cut = pack(&entries[..4]);
        assert_eq!(unpack(&cut[..cut.len() - 1]), None);
        assert_eq!(unpack(&[0xff; 12]), None);
    }
}
