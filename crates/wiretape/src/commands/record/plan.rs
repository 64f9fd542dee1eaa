//! From settings to what is recorded and how it is kept.

use packet::PacketDirection;
use record::Selection;

use crate::errors::Failure;
use crate::names::LocalNames;
use crate::settings::{Directions, Interfaces, Settings};
use crate::tcpdump::Rotation;
use crate::units::Size;

/// What is captured, as far as settings say; the rest is as usual.
pub(crate) fn capture_options(settings: &Settings, rotation: Rotation) -> record::Options {
    let usual = record::Options::default();
    let snaplen = match settings.snaplen {
        Some(0) | None => usual.snaplen,
        Some(bytes) => bytes.min(record::Options::SNAPLEN_MAX),
    };
    let prefixes = settings.home_net.iter().flat_map(|networks| &networks.0);
    record::Options {
        selection: match &settings.interface {
            Some(Interfaces::Any) => Selection::Any,
            Some(Interfaces::Named(names)) => Selection::Named(names.clone()),
            Some(Interfaces::Auto) | None => Selection::Auto,
        },
        ring_bytes: settings
            .buffer
            .map_or(usual.ring_bytes, |Size(bytes)| usize::try_from(bytes).unwrap_or(usize::MAX)),
        snaplen,
        promiscuous: !settings.no_promiscuous.is_some_and(|switch| switch.0),
        direction: match settings.direction {
            Some(Directions::In) => Some(PacketDirection::Inbound),
            Some(Directions::Out) => Some(PacketDirection::Outbound),
            Some(Directions::Both) | None => None,
        },
        threads: settings.threads.map_or(usual.threads, |threads| threads.clamp(1, 64) as usize),
        home_networks: prefixes.map(|prefix| (prefix.address, prefix.bits)).collect(),
        packets_max: rotation.packets_max,
        duration: rotation.time_max,
        filter: settings.filter.clone().map(kernel_filter),
        ..usual
    }
}

/// Compiles the expression for whatever link type an interface turns out to have.
fn kernel_filter(text: String) -> record::Filter {
    let names = LocalNames::read();
    record::Filter::new(move |target| {
        let options = filter::Options {
            netmask: target.netmask,
            resolver: &names,
            linux_ancillary: target.kernel,
            ..filter::Options::new(target.link_type)
        };
        filter::compile(&text, &options).map_err(|error| Failure::expression(&text, &error).to_string())
    })
}
