//! Rebuilds the crate when a spoke's folder changes: a file that is new would otherwise not be embedded.

fn main() {
    #[expect(clippy::print_stdout, reason = "how a build script speaks to cargo")]
    for folder in ["core", "http", "litmos", "servicenow", "sumtotal"] {
        println!("cargo::rerun-if-changed={folder}");
    }
}
