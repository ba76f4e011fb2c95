//! `daybook log`: one file per verb.

pub mod fsck;
pub mod stats;
