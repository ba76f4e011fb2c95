//! The `daybook` binary. Owns nothing but its exit code.

use std::process::ExitCode;

/// Commands allocate much and briefly, on every thread: glibc's allocator spends a fifth of their time on it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    daybook::cli::run(std::env::args_os())
}
