//! The little Markdown that the pages are made of.

pub(super) use linchpin_connector::reference::{anchor, code, table};

/// The first line of a page: it is not for editing.
pub(super) const NOTICE: &str = "<!-- Made from the product by a test; not for editing. \
    To renew: LINCHPIN_WRITE_REFERENCE=1 cargo test --workspace reference -->\n\n";
