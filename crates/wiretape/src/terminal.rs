//! What is said to people beside the answer, on stderr; and what the terminals are like.

use std::fmt::Display;
use std::io::{IsTerminal, Write};

/// Says something that is good to know.
pub(crate) fn notice(text: impl Display) {
    say("", &text);
}

/// Says something that may be wrong.
pub(crate) fn warning(text: impl Display) {
    say("warning: ", &text);
}

/// Says what failed.
pub(crate) fn failure(text: impl Display) {
    say("", &text);
}

/// A line as it is, in one piece, since others may write there too. A reader of stderr that has gone away is no reason
/// to stop.
pub(crate) fn line(text: impl Display) {
    let _ = std::io::stderr().lock().write_all(format!("{text}\n").as_bytes());
}

/// Text from outside with its control characters, line ends and direction marks shown as escapes.
pub(crate) fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() || is_deceptive(letter) {
            shown.extend(letter.escape_unicode());
        } else {
            shown.push(letter);
        }
    }
    shown
}

/// Whether stdout is a terminal.
pub(crate) fn stdout_is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// Whether stderr is a terminal.
pub(crate) fn stderr_is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// Whether colours may go to stdout (<https://no-color.org>).
pub(crate) fn stdout_has_colour() -> bool {
    stdout_is_terminal() && is_colour_wanted()
}

/// Columns of stdout; on a pipe, enough for a table that is read later.
pub(crate) fn stdout_columns() -> usize {
    const PIPE_COLUMNS: usize = 160;
    if !stdout_is_terminal() {
        return PIPE_COLUMNS;
    }
    terminal_size::terminal_size().map_or(80, |(terminal_size::Width(columns), _)| usize::from(columns))
}

fn say(kind: &str, text: &dyn Display) {
    let name = if stderr_is_terminal() && is_colour_wanted() { "\x1b[1mwiretape:\x1b[0m" } else { "wiretape:" };
    let text = text.to_string();
    let safe: Vec<String> = text.split('\n').map(escaped).collect();
    line(format_args!("{name} {kind}{}", safe.join("\n")));
}

fn is_colour_wanted() -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    set("NO_COLOR").is_none() && set("TERM").is_none_or(|terminal| terminal != "dumb")
}

/// Marks that reorder, hide or break text (Unicode bidirectional controls, zero width, line and paragraph separators).
pub(crate) fn is_deceptive(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_shown_escaped() {
        let cases = [
            ("eth0", "eth0"),
            ("grün", "grün"),
            ("a\x1b[2Jb", "a\\u{1b}[2Jb"),
            ("a\nb\tc\0", "a\\u{a}b\\u{9}c\\u{0}"),
            ("\u{202e}cod.exe", "\\u{202e}cod.exe"),
            ("\u{9b}31m", "\\u{9b}31m"),
        ];
        for (text, expected) in cases {
            assert_eq!(escaped(text), expected);
        }
    }
}
