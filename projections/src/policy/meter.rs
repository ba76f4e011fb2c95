//! The names of the metrics of policies.

/// Commands that policies wanted, by `policy` and `outcome`: `done`, `refused` or `held`.
pub(crate) const COMMANDS: &str = "policy_commands_total";
/// Chains of policies that were cut because they were too long, by `policy`. Any is an alarm.
pub(crate) const TOO_DEEP: &str = "policy_chains_cut_total";
/// Commands that wait to be executed, by `policy`.
pub(crate) const BACKLOG: &str = "policy_backlog_commands";
/// For how long the oldest of them has been waiting, in seconds, by `policy`.
pub(crate) const OLDEST_SECONDS: &str = "policy_backlog_oldest_seconds";
/// Commands that were refused and that nobody has dealt with, by `policy`.
pub(crate) const REFUSED: &str = "policy_refused_commands";
