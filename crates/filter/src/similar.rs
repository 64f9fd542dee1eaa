//! "Did you mean": the known word that is most like a misspelt one.

/// The known word within two slips of `word`, or one for short words; none for words that nobody mistypes so.
pub(crate) fn most_similar<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    const LENGTH_MAX: usize = 40;
    if word.len() < 3 || word.len() > LENGTH_MAX {
        return None;
    }
    let slips_max = if word.len() < 5 { 1 } else { 2 };
    let nearest = known.into_iter().map(|candidate| (distance(word, candidate), candidate)).min()?;
    (nearest.0 <= slips_max).then_some(nearest.1)
}

/// Insertions, deletions, replacements and swaps of neighbours that lead from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    let (from, to) = (from.as_bytes(), to.as_bytes());
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=to.len()).collect();
    for (i, &a) in from.iter().enumerate() {
        let mut current = vec![i + 1];
        for (j, &b) in to.iter().enumerate() {
            let mut best = (previous[j] + usize::from(a != b)).min(previous[j + 1] + 1).min(current[j] + 1);
            if i > 0 && j > 0 && from[i - 1] == b && to[j - 1] == a {
                best = best.min(before[j - 1] + 1);
            }
            current.push(best);
        }
        before = std::mem::replace(&mut previous, current);
    }
    previous.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_seen() {
        let known = ["port", "proto", "host", "multicast"];
        let check = |word: &str, expected: Option<&str>| assert_eq!(most_similar(word, known), expected, "{word}");
        check("prot", Some("port"));
        check("hsot", Some("host"));
        check("mutlicats", Some("multicast"));
        check("elephant", None);
        check("x", None);
    }
}
