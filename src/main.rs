//! The `daybook` binary. Owns nothing but its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    daybook::cli::run(std::env::args_os())
}
