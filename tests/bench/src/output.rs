//! What the program says while it runs. Results go to files.
#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "this is the output"
)]

/// One line of progress.
pub(crate) fn say(line: &str) {
    eprintln!("{line}");
}

/// One line for the process that started this one.
pub(crate) fn data(value: &serde_json::Value) {
    println!("{value}");
}
