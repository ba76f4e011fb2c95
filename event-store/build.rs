//! Rebuilds the crate when a migration is added, for they are compiled in. Never generates code.
#![expect(clippy::print_stdout, reason = "the way to talk to cargo")]

fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
