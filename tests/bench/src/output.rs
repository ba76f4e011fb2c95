//! What the program says while it runs. To stderr: results go to files.
#![expect(clippy::print_stderr, reason = "this is the output")]

/// One line of progress.
pub(crate) fn say(line: &str) {
    eprintln!("{line}");
}
