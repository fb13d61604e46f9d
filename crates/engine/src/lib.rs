//! What a flow means: parse, check, plan and the deterministic interpreter.
