//! Benchmarks of the durable path.
fn main() {}
