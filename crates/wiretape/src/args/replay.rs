//! `wiretape replay`.

use std::str::FromStr;

use clap::Args;
use investigate::indicators::Network;
use packet::Mac;

use super::QuestionArgs;

/// `wiretape replay`
#[derive(Args, Debug)]
pub(crate) struct ReplayArgs {
    /// What is asked.
    #[command(flatten)]
    pub(crate) question: QuestionArgs,
    /// The interface to send them out of
    #[arg(short = 'i', long, value_name = "IFACE")]
    pub(crate) interface: String,
    /// So many times as fast as they came [default: 1]
    #[arg(long, value_name = "N", conflicts_with = "topspeed")]
    pub(crate) speed: Option<f64>,
    /// As fast as they can be sent
    #[arg(long)]
    pub(crate) topspeed: bool,
    /// Another address in the place of one: two addresses, two networks of the same length, or two hardware addresses; can be
    /// repeated, the first that fits counts
    #[arg(long, value_name = "OLD=NEW")]
    pub(crate) rewrite: Vec<Replaced>,
    /// Fill packets that were cut short with zeros, instead of leaving them out
    #[arg(long)]
    pub(crate) pad: bool,
    /// Send even by the interface that carries the default route
    #[arg(long)]
    pub(crate) force: bool,
    /// At most this many
    #[arg(short = 'c', long, value_name = "N")]
    pub(crate) limit: Option<u64>,
}

/// An address that takes the place of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replaced {
    /// The bits behind the prefix stay.
    Network(Network, Network),
    /// A hardware address.
    Mac(Mac, Mac),
}

impl FromStr for Replaced {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (old, new) = text.split_once('=').ok_or("it should look like 10.0.0.1=192.0.2.1")?;
        if let (Some(old), Some(new)) = (mac(old), mac(new)) {
            return Ok(Self::Mac(old, new));
        }
        let network = |text: &str| Network::parse(text).ok_or_else(|| format!("{text:?} is no address and no network"));
        let (old, new) = (network(old)?, network(new)?);
        let is_v4 = |network: Network| network.address.as_v4().is_some();
        match old.bits == new.bits && is_v4(old) == is_v4(new) {
            true => Ok(Self::Network(old, new)),
            false => Err("both have to be of one kind and length: 10.0.0.0/24=192.168.7.0/24".to_owned()),
        }
    }
}

fn mac(text: &str) -> Option<Mac> {
    let bytes: Vec<u8> =
        text.split([':', '-']).map(|part| u8::from_str_radix(part, 16)).collect::<Result<_, _>>().ok()?;
    Some(Mac(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs() {
        let is_read = |text: &str| text.parse::<Replaced>().is_ok();
        for text in [
            "10.0.0.1=192.0.2.1",
            "10.0.0.0/8=11.0.0.0/8",
            "2001:db8::/32=2001:db9::/32",
            "02:00:00:00:00:01=02-00-00-00-00-02",
        ] {
            assert!(is_read(text), "{text}");
        }
        for text in ["10.0.0.1", "10.0.0.0/8=11.0.0.0/16", "10.0.0.1=::1", "a=b", "10.0.0.1=02:00:00:00:00:02"] {
            assert!(!is_read(text), "{text}");
        }
    }
}
