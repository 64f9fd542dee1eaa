//! From what protocols tell to what indicators are compared with.

use packet::Address;

use super::{Kind, Meeting, Search, domain, url};
use crate::files::{Collector, FoundFile, NoStore};
use crate::{At, Body, Ends, Expected, Field, FileId, FileStart, Sink};

/// Something that was seen, in the form in which indicators are compared.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// Where.
    pub at: At,
    /// The field that told it.
    pub field: &'static str,
    /// What.
    pub what: What<'a>,
}

/// What was seen.
#[derive(Clone, Copy, Debug)]
pub enum What<'a> {
    /// An address in what was said.
    Address(Address),
    /// A name.
    Name(&'a str),
    /// Anything else that is compared as it is.
    Text(Kind, &'a str),
    /// A file.
    File(&'a FoundFile),
    /// An indicator that was looked for in payload, by its place in the list.
    Listed(usize),
}

/// Hears what was seen.
pub trait Observing {
    /// Something was seen.
    fn observe(&mut self, observation: &Observation<'_>);

    /// Who is in a flow of which something may be told.
    fn meet(&mut self, _flow: u64, _client: Address, _server: Address) {}

    /// A flow's row: what is observed until it ends is what the row says.
    fn begin_row(&mut self, _meeting: &Meeting) {}

    /// Nothing more of the row comes.
    fn end_row(&mut self) {}
}

/// A sink that tells what it hears as observations.
pub struct Observer<'a, O: Observing> {
    observing: &'a mut O,
    files: Collector,
    search: Option<Search>,
    next_file: u64,
}

impl<'a, O: Observing> Observer<'a, O> {
    /// Tells `observing` what is said; with a search, what it finds in files too.
    pub fn new(observing: &'a mut O, search: Option<Search>) -> Self {
        Self { observing, files: Collector::new(NoStore), search, next_file: 0 }
    }

    /// Looks into a packet's payload.
    pub fn payload(&mut self, at: At, from_client: bool, packet: &packet::Packet<'_>, headers: &packet::Headers) {
        let Some(search) = &mut self.search else { return };
        let observing = &mut *self.observing;
        search.payload(at.flow, from_client, packet, headers, &mut |place| {
            observing.observe(&Observation { at, field: "payload", what: What::Listed(place) });
        });
    }

    /// Tells what a flow's row says: who met, and values of fields by their names.
    pub fn row<'v>(&mut self, meeting: &Meeting, said: impl Iterator<Item = (&'v str, &'v str)>) {
        self.observing.begin_row(meeting);
        let at = At { flow: meeting.flow, time: meeting.first, arrival: 0 };
        for (name, value) in said {
            match name {
                "file_sha256" => {
                    let what = What::Text(Kind::Sha256, value);
                    self.observing.observe(&Observation { at, field: "file", what });
                }
                "cert_chain" => self.fact(at, Field::CertSha256, value),
                // It is one of the chain.
                "cert_sha256" => {}
                name => {
                    if let Some(field) = Field::named(name) {
                        self.fact(at, field, value);
                    }
                }
            }
        }
        self.observing.end_row();
    }

    /// Everything was said.
    pub fn finish(mut self) {
        self.files.finish();
        self.tell_files();
    }

    /// Whoever hears the observations.
    pub fn observing(&mut self) -> &mut O {
        self.observing
    }

    fn tell_files(&mut self) {
        for file in self.files.take_found() {
            let at = At { flow: file.flow, time: file.time, arrival: file.arrival };
            self.observing.observe(&Observation { at, field: "file", what: What::File(&file) });
        }
    }

    fn tell(&mut self, at: At, field: Field, what: What<'_>) {
        self.observing.observe(&Observation { at, field: field.name(), what });
    }

    /// A host: a name, or an address as one.
    fn host(&mut self, at: At, field: Field, text: &str) {
        let host = url::without_port(text.trim());
        if let Ok(ip) = host.parse::<std::net::IpAddr>() {
            self.tell(at, field, What::Address(ip.into()));
        } else if let Some(name) = domain::canonical(host) {
            self.tell(at, field, What::Name(&name));
        }
    }
}

impl<O: Observing> Sink for Observer<'_, O> {
    fn protocol(&mut self, _at: At, _name: &'static str) {}

    fn fact(&mut self, at: At, field: Field, text: &str) {
        match field {
            Field::TlsSni | Field::HttpHostname | Field::DnsQuery | Field::DnsAnswer => self.host(at, field, text),
            Field::Url => {
                if let Some(url) = url::canonical(text) {
                    self.tell(at, field, What::Text(Kind::Url, &url));
                    if let Some(host) = url::host(&url) {
                        self.host(at, field, host);
                    }
                }
            }
            Field::MailFrom | Field::MailTo => {
                let address = text.trim_matches(['<', '>', ' ']).to_ascii_lowercase();
                if let Some(email) = super::Indicator::new(Kind::Email, &address) {
                    self.tell(at, field, What::Text(Kind::Email, &email.value));
                    if let Some((_, host)) = email.value.rsplit_once('@') {
                        self.host(at, field, host);
                    }
                }
            }
            Field::HttpUserAgent => self.tell(at, field, What::Text(Kind::UserAgent, text)),
            Field::Ja3 | Field::Ja3s => self.tell(at, field, What::Text(Kind::Ja3, text)),
            Field::Ja4 => self.tell(at, field, What::Text(Kind::Ja4, text)),
            Field::CertSha256 => self.tell(at, field, What::Text(Kind::CertSha256, text)),
            Field::Detail => {
                if let Some(hash) = text.strip_prefix("cert_sha1=") {
                    self.tell(at, field, What::Text(Kind::CertSha1, hash));
                }
            }
            _ => {}
        }
    }

    fn resolved(&mut self, _at: At, _name: &str, _address: Address) {}

    fn file_start(&mut self, at: At, start: FileStart) -> FileId {
        let file = FileId(self.next_file);
        self.next_file += 1;
        if let Some(search) = &mut self.search {
            search.file_start(file, at);
        }
        self.files.start(file, at, start);
        file
    }

    fn file_data(&mut self, file: FileId, body: Body, bytes: &[u8]) {
        if let Some(search) = self.search.as_mut().filter(|_| body == Body::Plain) {
            let observing = &mut *self.observing;
            search.file_data(file, bytes, &mut |at, place| {
                observing.observe(&Observation { at, field: "file", what: What::Listed(place) });
            });
        }
        self.files.data(file, body, bytes);
    }

    fn file_gap(&mut self, file: FileId, body: Body, bytes: u64) {
        if let Some(search) = self.search.as_mut().filter(|_| body == Body::Plain) {
            search.file_break(file);
        }
        self.files.gap(file, body, bytes);
    }

    fn file_seek(&mut self, file: FileId, offset: u64) {
        if let Some(search) = &mut self.search {
            search.file_break(file);
        }
        self.files.seek(file, offset);
    }

    fn file_end(&mut self, file: FileId, ends: Ends) {
        if let Some(search) = &mut self.search {
            search.file_end(file);
        }
        self.files.end(file, ends);
        self.tell_files();
    }

    fn expect(&mut self, _at: At, _expected: Expected) {}

    fn oddity(&mut self, _at: At, _what: &'static str) {}
}
