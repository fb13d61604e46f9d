//! Whole-product tests.

mod architecture;
