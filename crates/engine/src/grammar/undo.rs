//! The keys of what takes a call back.

use super::{Mapping, Shape, may, need};

/// `undo:` of a call.
pub static UNDO: Mapping = Mapping {
    name: "`undo` of a call",
    keys: &[
        need("call", Shape::Call { subflow: false }, "The action that takes it back."),
        may("with", Shape::Inputs, "Its inputs; `output` is what the call gave."),
        may("connection", Shape::Alias, "Another alias of the same spoke."),
    ],
    one_of: &[],
};
