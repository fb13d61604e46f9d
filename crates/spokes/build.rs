//! Rebuilds the crate when a spoke's folder changes: a file that is new would otherwise not be embedded.

fn main() {
    for folder in ["core", "files", "http", "litmos", "notify", "servicenow", "sumtotal"] {
        println!("cargo::rerun-if-changed={folder}");
    }
}
