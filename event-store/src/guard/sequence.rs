//! The sequences that pass by, in bounded memory. Pure: what it does not remember it asks to be looked up.

use std::collections::HashMap;

use event_schemas::{StreamId, TenantId};
use uuid::Uuid;

/// Entries of a generation; two are kept.
const GENERATION: usize = 65_536;

/// The numbers of one event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Row {
    pub(super) partition: i16,
    pub(super) offset: i64,
    pub(super) tenant: Uuid,
    pub(super) position: i64,
    pub(super) stream: String,
    pub(super) version: i32,
}

/// A number that does not follow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Break {
    pub(super) column: &'static str,
    pub(super) partition: i16,
    pub(super) offset: i64,
    pub(super) tenant: TenantId,
    pub(super) stream: StreamId,
    /// What follows; -1 if only that its predecessor is missing is known.
    pub(super) expected: i64,
    pub(super) found: i64,
}

/// The last number of each tenant and stream seen lately.
#[derive(Default)]
pub(super) struct Sequences {
    young: Generation,
    old: Generation,
}

#[derive(Default)]
struct Generation {
    positions: HashMap<Uuid, i64>,
    versions: HashMap<(Uuid, String), i32>,
}

impl Sequences {
    /// Takes the next event in: what does not follow is `found`, what nothing is known of is `unknown`.
    pub(super) fn follow(
        &mut self,
        row: &Row,
        unknown: &mut Vec<(Row, &'static str)>,
        found: &mut Vec<Break>,
    ) {
        let position = [&self.young, &self.old]
            .into_iter()
            .find_map(|g| g.positions.get(&row.tenant).copied())
            .or_else(|| (row.position == 1).then_some(0));
        match position {
            Some(last) if last + 1 != row.position => {
                found.push(row.breaks("position", last + 1, row.position));
            }
            Some(_) => {}
            None => unknown.push((row.clone(), "position")),
        }
        let key = (row.tenant, row.stream.clone());
        let version = [&self.young, &self.old]
            .into_iter()
            .find_map(|g| g.versions.get(&key).copied())
            .or_else(|| (row.version == 1).then_some(0));
        match version {
            Some(last) if last + 1 != row.version => {
                found.push(row.breaks("version", i64::from(last) + 1, i64::from(row.version)));
            }
            Some(_) => {}
            None => unknown.push((row.clone(), "version")),
        }
        if self.young.positions.len() + self.young.versions.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.positions.insert(row.tenant, row.position);
        self.young.versions.insert(key, row.version);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(position: i64, stream: &str, version: i32) -> Row {
        Row {
            partition: 0,
            offset: position,
            tenant: Uuid::from_u128(1),
            position,
            stream: stream.to_owned(),
            version,
        }
    }

    fn run(rows: &[Row]) -> (Vec<(Row, &'static str)>, Vec<Break>) {
        let (mut sequences, mut unknown, mut found) =
            (Sequences::default(), Vec::new(), Vec::new());
        for row in rows {
            sequences.follow(row, &mut unknown, &mut found);
        }
        (unknown, found)
    }

    #[test]
    fn what_follows_passes_and_what_does_not_is_named_once() {
        let rows = [
            row(1, "a", 1),
            row(2, "b", 1),
            row(3, "a", 2),
            row(5, "a", 3),
            row(6, "b", 3),
        ];
        let (unknown, found) = run(&rows);
        assert!(unknown.is_empty());
        let named: Vec<_> = found
            .iter()
            .map(|b| (b.column, b.expected, b.found))
            .collect();
        assert_eq!(named, [("position", 4, 5), ("version", 2, 3)]);
    }

    #[test]
    fn what_is_not_remembered_is_asked_for() {
        let (unknown, found) = run(&[row(8, "a", 3), row(9, "a", 4)]);
        assert_eq!(
            unknown,
            [(row(8, "a", 3), "position"), (row(8, "a", 3), "version")]
        );
        assert!(found.is_empty());
    }
}
