//! Where the set-up puts what it fetches: infra/setup/common.sh is its counterpart. Looks, and installs nothing.

use std::path::PathBuf;

use nix::unistd::Uid;

/// The folder that an environment variable names, alone; else the places of `inside` in the caches: for an ordinary user
/// `~/.cache/daybook` (or under `XDG_CACHE_HOME`), for root, and for all when it is there, `/var/cache/daybook`.
#[expect(
    clippy::disallowed_methods,
    reason = "the programs' place is the machine's matter, set before any configuration"
)]
pub fn places(variable: &str, inside: &str) -> Vec<PathBuf> {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    if let Some(home) = set(variable) {
        return vec![home];
    }
    let mut caches = Vec::new();
    if !Uid::effective().is_root() {
        caches
            .extend(set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache"))));
    }
    caches.push(PathBuf::from("/var/cache"));
    caches
        .into_iter()
        .map(|cache| cache.join("daybook").join(inside))
        .collect()
}

/// The folders in which programs are looked for.
#[expect(
    clippy::disallowed_methods,
    reason = "the programs' place is the machine's matter, set before any configuration"
)]
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}
