//! Cuts a stream of bytes into batches of lines, in bounded memory. Knows nothing of commands.

use axum::body::Bytes;
use futures::{FutureExt, Stream, StreamExt};
use gateway::Problem;

use super::{BATCH_LINES, Batch, MAX_LINE_BYTES};

/// What was cut off the buffer: a line with its number, or nothing where it was empty or too long.
type Cut = Vec<(u64, Result<Bytes, Problem>)>;

/// The lines of a body. Empty lines count, but are not handed out.
pub(super) struct Lines<S> {
    body: S,
    buffer: Vec<u8>,
    /// How much of the buffer was searched for a line's end already.
    searched: usize,
    /// The rest of a line that is too long is thrown away up to its end.
    skipping: bool,
    number: u64,
    ended: bool,
}

impl<S: Stream<Item = Result<Bytes, axum::Error>> + Unpin> Lines<S> {
    pub(super) fn new(body: S) -> Self {
        Self {
            body,
            buffer: Vec::new(),
            searched: 0,
            skipping: false,
            number: 0,
            ended: false,
        }
    }

    /// The next lines: as many as are there, at least one, at most a batch; none at the end.
    pub(super) async fn next_batch(&mut self) -> Batch {
        let mut batch = Vec::new();
        while batch.len() < BATCH_LINES {
            if let Some(line) = self.take_line() {
                batch.extend(line);
                continue;
            }
            if self.ended {
                break;
            }
            // With lines in hand, only what is there already is waited for.
            let more = if batch.is_empty() {
                self.body.next().await
            } else {
                match self.body.next().now_or_never() {
                    Some(more) => more,
                    None => break,
                }
            };
            match more {
                Some(Ok(bytes)) => self.buffer.extend_from_slice(&bytes),
                Some(Err(error)) => {
                    self.ended = true;
                    self.buffer.clear();
                    self.number += 1;
                    tracing::debug!(
                        error = &error as &dyn std::error::Error,
                        "a bulk body broke off"
                    );
                    batch.push((
                        self.number,
                        Err(Problem::malformed_request(
                            "The body broke off here; the lines before it count.",
                        )),
                    ));
                }
                None => self.ended = true,
            }
        }
        batch
    }

    /// One line, if the buffer holds a whole one: with its number, or nothing if it is empty.
    fn take_line(&mut self) -> Option<Cut> {
        let end = self
            .buffer
            .iter()
            .skip(self.searched)
            .position(|b| *b == b'\n')
            .map(|at| at + self.searched);
        let Some(end) = end else {
            self.searched = self.buffer.len();
            if self.buffer.len() > MAX_LINE_BYTES {
                self.buffer.clear();
                self.searched = 0;
                let first = !std::mem::replace(&mut self.skipping, true);
                if first {
                    self.number += 1;
                    return Some(vec![(
                        self.number,
                        Err(Problem::payload_too_large(MAX_LINE_BYTES)),
                    )]);
                }
                return None;
            }
            if self.ended && !self.buffer.is_empty() {
                let rest = std::mem::take(&mut self.buffer);
                self.searched = 0;
                return Some(self.line(rest));
            }
            return None;
        };
        let rest = self.buffer.split_off(end + 1);
        let mut line = std::mem::replace(&mut self.buffer, rest);
        self.searched = 0;
        line.pop();
        Some(self.line(line))
    }

    fn line(&mut self, line: Vec<u8>) -> Cut {
        if std::mem::take(&mut self.skipping) {
            return Vec::new();
        }
        self.number += 1;
        if line.iter().all(u8::is_ascii_whitespace) {
            return Vec::new();
        }
        if line.len() > MAX_LINE_BYTES {
            return vec![(self.number, Err(Problem::payload_too_large(MAX_LINE_BYTES)))];
        }
        vec![(self.number, Ok(line.into()))]
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    async fn all(chunks: Vec<Vec<u8>>) -> Vec<(u64, Result<usize, u16>)> {
        let mut lines = Lines::new(stream::iter(chunks.into_iter().map(|c| Ok(Bytes::from(c)))));
        let mut found = Vec::new();
        loop {
            let batch = lines.next_batch().await;
            if batch.is_empty() {
                return found;
            }
            assert!(batch.len() <= BATCH_LINES);
            found.extend(
                batch
                    .into_iter()
                    .map(|(n, l)| (n, l.map(|b| b.len()).map_err(|p| p.status().as_u16()))),
            );
        }
    }

    #[tokio::test]
    async fn lines_are_cut_wherever_the_chunks_end() {
        let found = all(vec![b"a\nb".to_vec(), b"b\n\n".to_vec(), b"c".to_vec()]).await;
        assert_eq!(found, [(1, Ok(1)), (2, Ok(2)), (4, Ok(1))]);
    }

    #[tokio::test]
    async fn a_line_too_long_is_refused_once_and_the_next_one_counts() {
        let mut chunks: Vec<Vec<u8>> = (0..5).map(|_| vec![b'x'; MAX_LINE_BYTES / 2]).collect();
        chunks.push(b"\nok\n".to_vec());
        assert_eq!(all(chunks).await, [(1, Err(413)), (2, Ok(2))]);
    }

    #[tokio::test]
    async fn many_lines_come_in_batches() {
        let found = all(vec![b"x\n".repeat(BATCH_LINES * 3)]).await;
        assert_eq!(found.len(), BATCH_LINES * 3);
    }
}
