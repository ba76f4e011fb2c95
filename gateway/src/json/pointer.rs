//! JSON pointers (RFC 6901). Never resolves one.

use std::fmt::Write as _;

/// Appends a member's name.
pub(super) fn push_key(pointer: &mut String, key: &str) {
    pointer.push('/');
    for character in key.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

/// Appends a list's index.
pub(super) fn push_index(pointer: &mut String, index: usize) {
    // Writing to a string does not fail.
    let _ = write!(pointer, "/{index}");
}
