//! What everything in Linchpin is written in: YAML documents with positions, diagnostics, values, schemas, expressions and text.
