//! Whole-product tests live in `main.rs`; the library is empty so that the folder is a package.
