//! The bundled spokes, a folder each.
