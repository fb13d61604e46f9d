//! Whole-product tests.

#[cfg(test)]
mod architecture;
#[cfg(test)]
mod reference;
