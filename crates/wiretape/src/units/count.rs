//! Counts for people.

/// Three figures and a thousand's letter: `1.20 M`; small ones as they are.
pub(crate) fn count_text(count: u64) -> String {
    const LETTERS: [&str; 5] = ["k", "M", "G", "T", "P"];
    if count < 10_000 {
        return count.to_string();
    }
    let mut value = count as f64;
    let mut letter = "";
    for next in LETTERS {
        if value < 999.5 {
            break;
        }
        value /= 1000.0;
        letter = next;
    }
    let decimals = if value < 9.95 { 1 } else { 0 };
    format!("{value:.decimals$} {letter}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        for (count, expected) in [
            (0, "0"),
            (9_999, "9999"),
            (12_345, "12 k"),
            (999_900, "1.0 M"),
            (1_234_567, "1.2 M"),
            (45_000_000, "45 M"),
        ] {
            assert_eq!(count_text(count), expected);
        }
    }
}
