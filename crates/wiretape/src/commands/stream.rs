//! `-w -`: a live capture on standard output, without a tape.

use std::sync::Arc;

use packet::capture::Resolution;
use record::{Control, Recorder};

use super::packet_filter;
use super::record::{become_user, capture_options, find_user, obey, print_counters};
use crate::errors::{Exit, Failure};
use crate::settings::{self, Settings};
use crate::tcpdump::{Rotation, Stream};
use crate::terminal;

/// Streams until a signal, the number of packets, or the reader's end.
pub(crate) fn run(stream: Stream) -> Result<Exit, Failure> {
    if terminal::stdout_is_terminal() {
        return Err(Failure::call("a capture would garble this terminal")
            .attempt("into a program: -w - | tshark -r -")
            .attempt("onto a tape:    -w /data/dump.pcap"));
    }
    let settings: Settings = settings::layered(stream.settings, settings::environment(), None)?;
    settings.filter.as_deref().map(packet_filter::look_at).transpose()?;
    let rotation = Rotation { packets_max: stream.packets_max, time_max: None };
    let recorder = Recorder::open(capture_options(&settings, rotation))?;
    if let Some(user) = &settings.user {
        become_user(find_user(user)?)?;
    }
    let control = Arc::new(Control::new().map_err(|error| Failure::system("cannot start", &error))?);
    obey(&control)?;
    let names: Vec<String> = recorder.taps().map(|tap| terminal::escaped(&tap.name)).collect();
    terminal::notice(format_args!("listening on {}, link-type {}", names.join(", "), recorder.stream_link_type()));
    let resolution = if stream.nanoseconds { Resolution::NANOSECONDS } else { Resolution::MICROSECONDS };
    let streamed = recorder.stream(std::io::stdout().lock(), resolution, &control);
    print_counters(&control.counters());
    streamed.map(|_| Exit::Done).map_err(Failure::from)
}
