//! Owns the bytes of the records between two sorts: big-endian, so that the order of the bytes is the order of the
//! values. Must never be read by anything but the run that wrote them: there is no version.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Error;

/// Flips the sign bit, so that negative numbers come before positive ones.
const SIGN: u64 = 1 << 63;

/// A record being written.
#[derive(Debug, Default)]
pub(super) struct Record(Vec<u8>);

impl Record {
    /// Empties the record for the next one.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// What was written.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn uuid(&mut self, value: Uuid) -> &mut Self {
        self.0.extend_from_slice(value.as_bytes());
        self
    }

    pub(super) fn byte(&mut self, value: u8) -> &mut Self {
        self.0.push(value);
        self
    }

    pub(super) fn small(&mut self, value: u32) -> &mut Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    pub(super) fn number(&mut self, value: u64) -> &mut Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    pub(super) fn amount(&mut self, value: i64) -> &mut Self {
        self.number(value.cast_unsigned() ^ SIGN)
    }

    /// Whole seconds: the source has no finer times.
    pub(super) fn time(&mut self, value: DateTime<Utc>) -> &mut Self {
        self.amount(value.timestamp())
    }

    pub(super) fn maybe<T>(
        &mut self,
        value: Option<T>,
        put: impl FnOnce(&mut Self, T) -> &mut Self,
    ) -> &mut Self {
        match value {
            Some(value) => put(self.byte(1), value),
            None => self.byte(0),
        }
    }

    /// Text goes last in what a sort compares: its length comes first.
    pub(super) fn text(&mut self, value: &str) -> &mut Self {
        self.number(value.len() as u64);
        self.0.extend_from_slice(value.as_bytes());
        self
    }
}

/// A record being read, field by field in the order of writing.
#[derive(Debug)]
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// The fields of the record `bytes`.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(Error::Damaged)?;
        self.0 = rest;
        Ok(*head)
    }

    pub(super) fn uuid(&mut self) -> Result<Uuid, Error> {
        self.take().map(Uuid::from_bytes)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Error> {
        self.take().map(u8::from_be_bytes)
    }

    pub(super) fn small(&mut self) -> Result<u32, Error> {
        self.take().map(u32::from_be_bytes)
    }

    pub(super) fn number(&mut self) -> Result<u64, Error> {
        self.take().map(u64::from_be_bytes)
    }

    pub(super) fn amount(&mut self) -> Result<i64, Error> {
        self.number().map(|value| (value ^ SIGN).cast_signed())
    }

    pub(super) fn time(&mut self) -> Result<DateTime<Utc>, Error> {
        DateTime::from_timestamp(self.amount()?, 0).ok_or(Error::Damaged)
    }

    pub(super) fn maybe<T>(
        &mut self,
        get: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        match self.byte()? {
            0 => Ok(None),
            1 => get(self).map(Some),
            _ => Err(Error::Damaged),
        }
    }

    pub(super) fn text(&mut self) -> Result<String, Error> {
        let length = usize::try_from(self.number()?).ok().ok_or(Error::Damaged)?;
        let (text, rest) = self.0.split_at_checked(length).ok_or(Error::Damaged)?;
        self.0 = rest;
        String::from_utf8(text.to_vec()).ok().ok_or(Error::Damaged)
    }
}
