//! How `and` and `or` are grouped: shown where it is settled, refused where it is not.

use super::parse::Item;
use crate::expression::Connector;

/// Items of one level of parentheses, and what joins each to the one before.
#[derive(Debug, Default)]
pub(super) struct Level {
    pub(super) items: Vec<Item>,
    pub(super) connectors: Vec<Connector>,
}

impl Level {
    pub(super) fn is_pcap(&self) -> bool {
        self.items.iter().all(Item::is_pcap)
    }

    pub(super) fn is_mixed(&self) -> bool {
        self.connectors.windows(2).any(|pair| matches!(pair, [one, other] if one != other))
    }

    /// As libpcap reads it: from left to right.
    pub(super) fn left_to_right(&self, text: &str) -> String {
        let mut shown = self.item(text, 0);
        for (index, &connector) in self.connectors.iter().enumerate() {
            if index > 0 && self.connectors.get(index - 1) != Some(&connector) {
                shown = format!("({shown})");
            }
            shown = format!("{shown} {} {}", word(connector), self.item(text, index + 1));
        }
        shown
    }

    /// Another way to read it: `and` first, or if that is the same, from right to left.
    pub(super) fn otherwise(&self, text: &str) -> String {
        let and_first = self.and_first(text);
        if and_first == self.left_to_right(text) { self.or_first(text) } else { and_first }
    }

    fn and_first(&self, text: &str) -> String {
        self.first(text, Connector::And)
    }

    fn or_first(&self, text: &str) -> String {
        self.first(text, Connector::Or)
    }

    fn first(&self, text: &str, tight: Connector) -> String {
        let mut groups: Vec<Vec<String>> = vec![vec![self.item(text, 0)]];
        for (index, &connector) in self.connectors.iter().enumerate() {
            let item = self.item(text, index + 1);
            match groups.last_mut() {
                Some(group) if connector == tight => group.push(item),
                _ => groups.push(vec![item]),
            }
        }
        let joined = |group: Vec<String>| match group.as_slice() {
            [single] => single.clone(),
            several => format!("({})", several.join(&format!(" {} ", word(tight)))),
        };
        let loose = if tight == Connector::And { "or" } else { "and" };
        groups.into_iter().map(joined).collect::<Vec<_>>().join(&format!(" {loose} "))
    }

    fn item(&self, text: &str, index: usize) -> String {
        let span = self.items.get(index).map(|item| item.span.clone()).unwrap_or_default();
        text.get(span).unwrap_or("").to_owned()
    }
}

pub(super) fn word(connector: Connector) -> &'static str {
    match connector {
        Connector::And => "and",
        Connector::Or => "or",
    }
}
