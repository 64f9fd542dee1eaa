//! Reports: text for people, with indicators in it, most of them defanged.

use super::read::Found;
use super::url::without_port;
use super::{Indicator, Kind, domain};

/// What defanging puts in the place of what, in lower case.
const DEFANGED: [(&str, &str); 27] = [
    ("[://]", "://"),
    ("[:]//", "://"),
    ("[:/]/", "://"),
    ("[dot]", "."),
    ("(dot)", "."),
    ("{dot}", "."),
    ("<dot>", "."),
    ("[punkt]", "."),
    ("[.]", "."),
    ("(.)", "."),
    ("{.}", "."),
    ("<.>", "."),
    ("[,]", "."),
    ("[.", "."),
    (".]", "."),
    ("\\.", "."),
    ("[at]", "@"),
    ("(at)", "@"),
    ("{at}", "@"),
    ("<at>", "@"),
    ("[@]", "@"),
    ("(@)", "@"),
    ("[:]", ":"),
    ("(:)", ":"),
    ("[/]", "/"),
    ("[-]", "-"),
    ("[www]", "www"),
];

/// Schemes as they are defanged.
const SCHEMES: [(&str, &str); 9] = [
    ("hxxps", "https"),
    ("hxxp", "http"),
    ("hxtps", "https"),
    ("hxtp", "http"),
    ("h**ps", "https"),
    ("h**p", "http"),
    ("htxps", "https"),
    ("htxp", "http"),
    ("fxp", "ftp"),
];

/// Words before a number with dots that is a version.
const VERSION_WORDS: [&str; 9] = ["version", "versions", "ver", "ver.", "v", "release", "build", "firmware", "before"];

const PUNCTUATION: [char; 18] =
    ['(', ')', '[', ']', '{', '}', '<', '>', '"', '\'', ',', ';', '!', '?', '*', '`', '\u{201c}', '\u{201d}'];

/// A text with its defanging undone, and whether there was any.
pub(super) fn refanged(text: &str) -> (String, bool) {
    // Most words have nothing to undo.
    let is_marked = text.bytes().any(|byte| b"[({<\\*".contains(&byte)) || has_scheme(text);
    if !is_marked {
        return (text.to_owned(), false);
    }
    let mut plain = String::with_capacity(text.len());
    let mut is_defanged = false;
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let known = DEFANGED.iter().find(|(form, _)| starts_with(rest, form));
        let scheme = || {
            let starts = !plain.ends_with(|before: char| before.is_ascii_alphanumeric());
            SCHEMES.iter().find(|(form, _)| starts && starts_with(rest, form) && names_a_place(rest, form.len()))
        };
        match known.or_else(scheme) {
            Some((form, meant)) => {
                plain.push_str(meant);
                is_defanged = true;
                rest = rest.get(form.len()..).unwrap_or_default();
            }
            None => {
                plain.push(letter);
                rest = rest.get(letter.len_utf8()..).unwrap_or_default();
            }
        }
    }
    (plain, is_defanged)
}

/// Reads a report.
pub(super) fn read(text: &str, found: &mut Found) {
    let text = joined(text);
    let words: Vec<Word> = text.split_whitespace().flat_map(words_of).collect();
    let is_defanged = words.iter().any(|word| word.is_defanged && Indicator::guess(word.trimmed()).is_some());
    let mut before = "";
    for word in &words {
        word.read(before, is_defanged, found);
        before = &word.text;
    }
}

/// A word of a report, defanging undone.
struct Word {
    text: String,
    is_defanged: bool,
}

impl Word {
    /// Without the punctuation around it.
    fn trimmed(&self) -> &str {
        let text = self.text.trim_matches(PUNCTUATION).trim_end_matches(['.', ':']);
        text.trim_matches(PUNCTUATION)
    }

    fn read(&self, before: &str, others_are_defanged: bool, found: &mut Found) {
        let text = self.trimmed();
        let indicator = match Indicator::guess(text) {
            Some(indicator) => Some(indicator),
            None => self.place(text),
        };
        let Some(indicator) = indicator else { return };
        let is_version = VERSION_WORDS.contains(&before.to_ascii_lowercase().as_str());
        match indicator.kind {
            _ if self.is_defanged => {}
            Kind::Address if is_version => return found.leave_out(text, "a version"),
            Kind::Address if indicator.value.contains(':') && !is_likely_v6(&indicator.value) => return,
            Kind::Domain if !domain::is_plausible(&indicator.value) => return,
            Kind::Email if !indicator.value.rsplit('@').next().is_some_and(domain::is_plausible) => return,
            Kind::Domain | Kind::Url | Kind::Email if others_are_defanged => {
                return found.leave_out(text, "not defanged, and others are");
            }
            _ => {}
        }
        found.add(indicator, None);
    }

    /// A host with a port or a path, without a scheme.
    fn place(&self, text: &str) -> Option<Indicator> {
        let (host, path) = text.split_once('/').map_or((text, None), |(host, path)| (host, Some(path)));
        let name = Indicator::guess(without_port(host))?;
        let is_host = matches!(name.kind, Kind::Address | Kind::Domain);
        let is_meant = self.is_defanged || name.kind == Kind::Address || domain::is_plausible(&name.value);
        match path {
            _ if !is_host || !is_meant => None,
            Some(path) if !path.is_empty() => Indicator::new(Kind::Url, &format!("http://{text}")),
            _ => Some(name),
        }
    }
}

/// The text with blanks inside of defanged places taken out: `boss [at] evil [dot] example`.
fn joined(text: &str) -> String {
    const MARKS: [&str; 8] = ["[at]", "(at)", "{at}", "[dot]", "(dot)", "{dot}", "[.]", "[@]"];
    let mut text = text.to_owned();
    for mark in MARKS {
        for form in [mark.to_owned(), mark.to_ascii_uppercase()] {
            if text.contains(&form) {
                text = text.replace(&format!(" {form} "), &form).replace(&format!(" {form}"), &form);
            }
        }
    }
    text
}

/// The words in what stands between blanks: a URL is one, what else has commas or bars in it is several.
fn words_of(text: &str) -> Vec<Word> {
    let (text, is_defanged) = refanged(text);
    let url =
        ["http://", "https://", "ftp://", "ws://", "wss://", "tcp://"].iter().find_map(|scheme| find(&text, scheme));
    if let Some(start) = url {
        let url = text.get(start..).unwrap_or_default();
        let end = url.find(['"', '<', '>', '|', '`', '\'', '\u{201d}']).unwrap_or(url.len());
        let url = url.get(..end).unwrap_or(url);
        // A bracket at the end is the URL's own if it was opened in it.
        let url = if url.contains('(') { url } else { url.split(')').next().unwrap_or(url) };
        return vec![Word { text: url.to_owned(), is_defanged }];
    }
    text.split([',', ';', '|', '=', '"', '<', '>'])
        .filter(|word| !word.is_empty())
        .map(|word| Word { text: word.to_owned(), is_defanged })
        .collect()
}

fn find(text: &str, scheme: &str) -> Option<usize> {
    (0..text.len()).filter(|start| text.is_char_boundary(*start)).find(|start| starts_with(&text[*start..], scheme))
}

fn has_scheme(text: &str) -> bool {
    SCHEMES.iter().any(|(form, _)| find(text, form).is_some())
}

/// Whether a colon, defanged or not, follows.
fn names_a_place(text: &str, at: usize) -> bool {
    text.get(at..).is_some_and(|rest| rest.starts_with(':') || rest.starts_with("[:"))
}

fn starts_with(text: &str, form: &str) -> bool {
    text.get(..form.len()).is_some_and(|start| start.eq_ignore_ascii_case(form))
}

/// `std::fmt` and `dead::beef` could be addresses, and are not meant so.
fn is_likely_v6(text: &str) -> bool {
    text.starts_with(['2', 'f']) && text.bytes().any(|byte| byte.is_ascii_digit()) && text.matches(':').count() >= 2
}
