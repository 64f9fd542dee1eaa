//! Lists of indicators, in whatever form they come.

use std::collections::HashSet;

use serde_json::Value;

use super::{Indicator, eve, list, misp, prose, stix};

/// Indicators that are read of one list.
const INDICATORS_MAX: usize = 4 << 20;

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// Each once, in the order of the text.
    pub indicators: Vec<Listed>,
    /// How the text was understood.
    pub form: Form,
    /// What looks like an indicator and was left out, with why.
    pub left_out: Vec<(String, &'static str)>,
}

/// An indicator of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The indicator.
    pub indicator: Indicator,
    /// What the list says about it.
    pub about: Option<String>,
}

/// How a text is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// One indicator a line, or a table.
    #[default]
    List,
    /// Zeek's intelligence framework.
    ZeekIntel,
    /// Suricata's EVE.
    Eve,
    /// A STIX 2 bundle.
    Stix,
    /// A MISP event.
    Misp,
    /// Text for people.
    Prose,
}

impl Form {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::List => "a list",
            Self::ZeekIntel => "a Zeek intel file",
            Self::Eve => "EVE lines",
            Self::Stix => "a STIX bundle",
            Self::Misp => "a MISP event",
            Self::Prose => "prose",
        }
    }
}

/// Reads indicators out of a list, a table, a STIX bundle, a MISP event, EVE lines, a Zeek intel file, or a report.
pub fn read(text: &str) -> Read {
    let text = text.trim_start_matches('\u{feff}');
    let mut found = Found::default();
    let form = match text.trim_start().chars().next() {
        Some('{' | '[') => match json(text, &mut found) {
            Some(form) => form,
            None => plain(text, &mut found),
        },
        _ => plain(text, &mut found),
    };
    Read { indicators: found.indicators, form, left_out: found.left_out }
}

fn plain(text: &str, found: &mut Found) -> Form {
    if list::is_zeek_intel(text) {
        list::read_zeek_intel(text, found);
        return Form::ZeekIntel;
    }
    if list::is_list(text) {
        list::read(text, found);
        return Form::List;
    }
    prose::read(text, found);
    Form::Prose
}

fn json(text: &str, found: &mut Found) -> Option<Form> {
    match serde_json::from_str::<Value>(text) {
        Ok(value) if stix::is_bundle(&value) => {
            stix::read(&value, found);
            Some(Form::Stix)
        }
        Ok(value) if misp::is_event(&value) => {
            misp::read(&value, found);
            Some(Form::Misp)
        }
        Ok(Value::Array(values)) => {
            for value in values {
                match value.as_str() {
                    Some(text) => list::cell(text, None, None, found),
                    None => eve::read(&value, found),
                }
            }
            Some(Form::List)
        }
        Ok(value) => {
            eve::read(&value, found);
            Some(Form::Eve)
        }
        Err(_) => {
            let mut lines = text.lines().filter(|line| !line.trim().is_empty());
            lines.next().and_then(|line| serde_json::from_str::<Value>(line).ok())?;
            eve::read_lines(text, found);
            Some(Form::Eve)
        }
    }
}

/// Indicators as they are found.
#[derive(Debug, Default)]
pub(super) struct Found {
    indicators: Vec<Listed>,
    known: HashSet<Indicator>,
    pub(super) left_out: Vec<(String, &'static str)>,
}

impl Found {
    /// Takes an indicator.
    pub(super) fn add(&mut self, indicator: Indicator, about: Option<&str>) {
        if self.indicators.len() < INDICATORS_MAX && self.known.insert(indicator.clone()) {
            let about = about.map(str::trim).filter(|about| !about.is_empty() && *about != "-");
            self.indicators.push(Listed { indicator, about: about.map(str::to_owned) });
        }
    }

    /// Notes what was not taken.
    pub(super) fn leave_out(&mut self, text: &str, why: &'static str) {
        const NOTED_MAX: usize = 10_000;
        if self.left_out.len() < NOTED_MAX {
            self.left_out.push((text.to_owned(), why));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicators::Kind;

    fn check(text: &str, form: Form, expected: &[(Kind, &str)]) {
        let read = read(text);
        let found: Vec<(Kind, &str)> =
            read.indicators.iter().map(|listed| (listed.indicator.kind, listed.indicator.value.as_str())).collect();
        assert_eq!(found, expected, "{text}");
        assert_eq!(read.form, form, "{text}");
    }

    const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";

    #[test]
    fn lists() {
        check(
            "# c2\nevil.example\n203.0.113.7 # seen\n\n10.0.0.0/8\n",
            Form::List,
            &[(Kind::Domain, "evil.example"), (Kind::Address, "203.0.113.7"), (Kind::Prefix, "10.0.0.0/8")],
        );
        check(
            "evil[.]example\nhxxps://a[.]example/x\n",
            Form::List,
            &[(Kind::Domain, "evil.example"), (Kind::Url, "https://a.example/x")],
        );
        check(
            "0.0.0.0 evil.example\n127.0.0.1 worse.example\n",
            Form::List,
            &[(Kind::Domain, "evil.example"), (Kind::Domain, "worse.example")],
        );
        check(
            "type,value,comment\nuser-agent,Evil/1.0,\"a, b\"\nip-dst,203.0.113.9,see https://blog.example/x\n",
            Form::List,
            &[(Kind::UserAgent, "Evil/1.0"), (Kind::Address, "203.0.113.9")],
        );
        check(
            "################\n# id,dateadded,url,url_status,urlhaus_link\n\"1\",\"2026-01-01 00:00:00\",\"http://203.0.113.5/a.sh\",\"online\",\"https://urlhaus.abuse.ch/url/1/\"\n",
            Form::List,
            &[(Kind::Url, "http://203.0.113.5/a.sh")],
        );
        check(
            "#fields\tindicator\tindicator_type\tmeta.source\nevil.example/x\tIntel::URL\ts\nEvil/2\tIntel::SOFTWARE\ts\nx.exe\tIntel::FILE_NAME\ts\n",
            Form::ZeekIntel,
            &[(Kind::Url, "http://evil.example/x"), (Kind::UserAgent, "Evil/2")],
        );
    }

    #[test]
    fn reports() {
        let text = "The actor (tracked as X) used hxxp://evil[.]example/a.php?b=1, and evil-two[dot]com; see \
                    https://vendor.com/blog. Version 1.2.3.4 of tool.exe and setup.py drop config.ini. The C2 was \
                    203[.]0.113[.]9:8443 (or 2001:db8[:]:1) and 198.51.100.4. Mail came from boss [at] evil[.]example. \
                    Its MD5 is d41d8cd98f00b204e9800998ecf8427e.";
        check(
            text,
            Form::Prose,
            &[
                (Kind::Url, "http://evil.example/a.php?b=1"),
                (Kind::Domain, "evil-two.com"),
                (Kind::Address, "203.0.113.9"),
                (Kind::Address, "2001:db8::1"),
                (Kind::Address, "198.51.100.4"),
                (Kind::Email, "boss@evil.example"),
                (Kind::Md5, MD5),
            ],
        );
        let left_out: Vec<String> = read(text).left_out.into_iter().map(|(text, _)| text).collect();
        assert_eq!(left_out, ["https://vendor.com/blog", "1.2.3.4"]);
        check(
            "We saw beacons to update.evil.com and www.bad.py from libssl.so and to main.rs.",
            Form::Prose,
            &[(Kind::Domain, "update.evil.com"), (Kind::Domain, "www.bad.py")],
        );
    }

    #[test]
    fn structured() {
        check(
            r#"{"type":"bundle","id":"bundle--1","objects":[{"type":"indicator","name":"n","pattern_type":"stix",
               "pattern":"[file:hashes.'SHA-256' = 'aa' OR file:hashes.MD5 = 'd41d8cd98f00b204e9800998ecf8427e'] AND [ipv4-addr:value IN ('203.0.113.1', '203.0.113.2') AND domain-name:value != 'good.example']"},
               {"type":"indicator","revoked":true,"pattern":"[domain-name:value = 'old.example']"}]}"#,
            Form::Stix,
            &[(Kind::Md5, MD5), (Kind::Address, "203.0.113.1"), (Kind::Address, "203.0.113.2")],
        );
        check(
            r#"{"Event":{"info":"x","Attribute":[{"type":"domain|ip","value":"evil.example|203.0.113.3","to_ids":true},
               {"type":"url","value":"http://ref.example/","to_ids":false}],
               "Object":[{"Attribute":[{"type":"filename|md5","value":"a.exe|d41d8cd98f00b204e9800998ecf8427e","to_ids":true}]}]}}"#,
            Form::Misp,
            &[(Kind::Domain, "evil.example"), (Kind::Address, "203.0.113.3"), (Kind::Md5, MD5)],
        );
        check(
            "{\"event_type\":\"flow\",\"dest_ip\":\"203.0.113.8\"}\n{\"event_type\":\"alert\",\"src_ip\":\"10.0.0.1\",\"dest_ip\":\"203.0.113.9\",\"http\":{\"hostname\":\"evil.example\",\"url\":\"/x\"},\"alert\":{\"signature\":\"S\"}}\n",
            Form::Eve,
            &[(Kind::Address, "203.0.113.9"), (Kind::Url, "http://evil.example/x"), (Kind::Domain, "evil.example")],
        );
    }
}
