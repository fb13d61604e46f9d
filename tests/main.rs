//! Whole-product tests.

#[cfg(test)]
mod architecture;
