//! STIX patterns, as far as they name indicators (STIX 2.1, part 9).

use super::{Indicator, Kind};

/// Comparisons that are read of a pattern.
const COMPARISONS_MAX: usize = 10_000;

/// The indicators that a pattern compares with; `None` for each that is of no kind that is looked for.
pub(super) fn indicators(pattern: &str) -> Vec<Result<Indicator, String>> {
    let tokens = tokens(pattern);
    let mut found = Vec::new();
    let mut place = 0;
    while let Some(token) = tokens.get(place) {
        place += 1;
        let Token::Word(path) = token else { continue };
        if !path.contains(':') || found.len() >= COMPARISONS_MAX {
            continue;
        }
        let Some(Token::Word(operator)) = tokens.get(place) else { continue };
        let is_meant = matches!(operator.to_ascii_uppercase().as_str(), "=" | "==" | "IN" | "ISSUBSET" | "LIKE");
        for literal in literals(tokens.get(place + 1..).unwrap_or_default()) {
            if !is_meant {
                break;
            }
            found.push(of_path(path, literal).ok_or_else(|| format!("{path} {operator} '{literal}'")));
        }
    }
    found
}

/// What an object path and a value stand for.
pub(super) fn of_path(path: &str, value: &str) -> Option<Indicator> {
    let (object, property) = path.split_once(':')?;
    let property = property.to_ascii_lowercase().replace('\'', "");
    let kind = match (object, property.as_str()) {
        ("ipv4-addr" | "ipv6-addr", "value") => Kind::Address,
        ("domain-name", "value") => Kind::Domain,
        ("url", "value") => Kind::Url,
        ("email-addr", "value") => Kind::Email,
        ("email-message", property) if property.ends_with("_ref.value") => Kind::Email,
        ("network-traffic", "src_ref.value" | "dst_ref.value") => return Indicator::guess(value),
        ("network-traffic", property) if property.ends_with("user-agent") => Kind::UserAgent,
        ("network-traffic", property) if property.ends_with("request_value") => Kind::Url,
        ("file" | "artifact", "hashes.md5") => Kind::Md5,
        ("file" | "artifact", "hashes.sha-1" | "hashes.sha1") => Kind::Sha1,
        ("file" | "artifact", "hashes.sha-256" | "hashes.sha256") => Kind::Sha256,
        ("x509-certificate", "hashes.sha-1" | "hashes.sha1") => Kind::CertSha1,
        ("x509-certificate", "hashes.sha-256" | "hashes.sha256") => Kind::CertSha256,
        ("x-wiretape-fingerprint", property) => Kind::named(property)?,
        (_, property) if property.ends_with("ja3") => Kind::Ja3,
        (_, property) if property.ends_with("ja4") => Kind::Ja4,
        _ => return None,
    };
    Indicator::new(kind, value)
}

enum Token {
    Word(String),
    Literal(String),
}

/// The literals right behind an operator, in parentheses or not.
fn literals(tokens: &[Token]) -> Vec<&str> {
    let is_list = matches!(tokens.first(), Some(Token::Word(word)) if word == "(");
    let mut found = Vec::new();
    for token in tokens.iter().skip(usize::from(is_list)) {
        match token {
            Token::Literal(text) => found.push(text.as_str()),
            Token::Word(word) if is_list && word == "," => continue,
            Token::Word(_) => break,
        }
        if !is_list {
            break;
        }
    }
    found
}

fn tokens(pattern: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut letters = pattern.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' => tokens.push(Token::Literal(quoted(&mut letters))),
            letter if letter.is_whitespace() => {}
            '[' | ']' | '(' | ')' | ',' => tokens.push(Token::Word(letter.to_string())),
            '=' | '!' | '<' | '>' => {
                let mut word = letter.to_string();
                while let Some(next) = letters.next_if(|next| ['=', '<', '>'].contains(next)) {
                    word.push(next);
                }
                tokens.push(Token::Word(word));
            }
            letter => {
                let mut word = letter.to_string();
                while let Some(next) = letters.next_if(|next| !next.is_whitespace() && !"[](),=!<>".contains(*next)) {
                    word.push(next);
                    if next == '\'' {
                        // A key with other characters than letters: hashes.'SHA-256'.
                        word.push_str(&quoted(&mut letters));
                    }
                }
                tokens.push(Token::Word(word));
            }
        }
    }
    tokens
}

/// The rest of a string, its quote taken off.
fn quoted(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut text = String::new();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' => break,
            '\\' => text.extend(letters.next()),
            letter => text.push(letter),
        }
    }
    text
}
