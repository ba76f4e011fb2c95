//! Rebuilds the crate when a migration is added, for they are compiled in. Never generates code.

fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
