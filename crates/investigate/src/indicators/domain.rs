//! What a domain is.

use std::collections::HashSet;
use std::sync::LazyLock;

/// The names of the root zone, `onion` with them (data.iana.org/TLD, November 2026; those in ASCII).
static KNOWN: LazyLock<HashSet<&'static str>> = LazyLock::new(|| include_str!("tlds.txt").lines().collect());

/// Names of the root zone that are endings of files too: `setup.py` is no domain.
const ENDINGS: [&str; 20] = [
    "ai", "app", "cab", "cc", "cpa", "java", "md", "ml", "mov", "pl", "prof", "ps", "pub", "py", "rip", "rs", "sh",
    "so", "vi", "zip",
];

/// Bytes of a name (RFC 1035 2.3.4).
const NAME_BYTES_MAX: usize = 253;

/// A name as names are compared: lower case, without the last dot; `None` if it cannot be one with two labels or more.
pub(super) fn canonical(text: &str) -> Option<String> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_name = name.len() <= NAME_BYTES_MAX
        && name.contains('.')
        && name.split('.').all(is_label)
        && name.rsplit('.').next().is_some_and(|last| last.len() >= 2 && !last.bytes().any(|byte| byte == b'_'))
        && name
            .rsplit('.')
            .next()
            .is_some_and(|last| last.starts_with("xn--") || last.bytes().all(|byte| byte.is_ascii_alphabetic()));
    is_name.then(|| name.to_ascii_lowercase())
}

/// Whether a name that stands in a text as it is, and not marked as an indicator, may be meant as a domain.
pub(super) fn is_plausible(name: &str) -> bool {
    let Some(last) = name.rsplit('.').next() else { return false };
    let labels = name.split('.').count();
    if !last.starts_with("xn--") && last != "example" && !KNOWN.contains(last) {
        return false;
    }
    !ENDINGS.contains(&last) || labels > 2 || name.starts_with("www.")
}

fn is_label(label: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !label.is_empty()
        && label.len() <= 63
        && label.bytes().all(is_inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}
