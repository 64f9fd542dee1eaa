//! `like`: `*` is any run of characters, `?` is one.

/// True if the whole text is as the pattern says; time is bounded by the product of their lengths.
pub(super) fn matches(pattern: &str, text: &str, ignores_case: bool) -> bool {
    let same = |a: char, b: char| a == b || ignores_case && a.eq_ignore_ascii_case(&b);
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    // Where to go on if what follows the last star does not fit.
    let mut retry = None;
    loop {
        let (pattern_before, text_before) = (pattern.clone(), text.clone());
        match (pattern.next(), text.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                text = text_before.clone();
                retry = Some((pattern.clone(), text_before));
            }
            (Some('?'), Some(_)) => {}
            (Some(wanted), Some(found)) if same(wanted, found) => {}
            _ => {
                drop(pattern_before);
                let Some((after_star, mut from)) = retry.take() else { return false };
                if from.next().is_none() {
                    return false;
                }
                pattern = after_star.clone();
                text = from.clone();
                retry = Some((after_star, from));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        let check = |pattern: &str, text: &str, expected: bool| {
            assert_eq!(matches(pattern, text, true), expected, "{pattern} {text}");
        };
        check("*.example", "www.EXAMPLE", true);
        check("*.example", "example", false);
        check("a?c*", "abc", true);
        check("a?c*", "ac", false);
        check("*a*b*", "xxaxxbxx", true);
        check("*a*b*", "xxbxxa", false);
        check("", "", true);
        check("*", "", true);
        check("**x", "yx", true);
    }
}
