//! What can happen to the processes. Only says what; nothing here does it.

use crate::{postgres::End, writers::random::Random};

/// What ends at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// How PostgreSQL ends, if it does.
    pub database: Option<End>,
    servers: [bool; 2],
}

impl Fault {
    /// Mostly one server or PostgreSQL, sometimes several at once.
    pub fn any(random: &mut Random) -> Self {
        let one = {
            let victim = random.below(2);
            [victim == 0, victim == 1]
        };
        let (database, servers) = match random.below(100) {
            0..45 => (None, one),
            45..50 => (None, [true, true]),
            50..80 => (Some(End::Killed), [false, false]),
            80..85 => (Some(End::Killed), one),
            85..88 => (Some(End::Killed), [true, true]),
            88..94 => (Some(End::Immediate), [false, false]),
            _ => (Some(End::Fast), [false, false]),
        };
        Self { database, servers }
    }

    /// The numbers of the servers that end.
    pub fn servers(self) -> impl Iterator<Item = usize> {
        (0..2).filter(move |server| self.servers[*server])
    }

    /// How many SIGKILLs these are: of a server, or of PostgreSQL as a whole.
    pub fn kills(self) -> u64 {
        let servers = self.servers().count() as u64;
        servers + u64::from(self.database == Some(End::Killed))
    }

    pub fn name(self) -> String {
        let servers = match self.servers().count() {
            0 => "",
            1 => "a server killed",
            _ => "both servers killed",
        };
        match self.database {
            None => servers.to_owned(),
            Some(how) if servers.is_empty() => format!("PostgreSQL {how:?}").to_lowercase(),
            Some(how) => format!("PostgreSQL {how:?} and {servers}").to_lowercase(),
        }
    }
}
