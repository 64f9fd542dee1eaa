//! Signals to a recorder: stop, and tell the counters.

use std::sync::Arc;

use record::{Control, Counters};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;

use crate::errors::Failure;
use crate::terminal;

/// Has SIGINT, SIGTERM and SIGHUP stop the recorder, and SIGUSR1 print its counters. SIGUSR2 makes tcpdump flush its
/// file; here every packet can be found within a second, so there is nothing to do.
pub(crate) fn obey(control: &Arc<Control>) -> Result<(), Failure> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2])
        .map_err(|error| Failure::system("cannot listen to signals", &error))?;
    let control = Arc::clone(control);
    let listen = move || {
        for signal in signals.forever() {
            match signal {
                SIGUSR1 => print_counters(&control.counters()),
                SIGUSR2 => {}
                _ => control.stop(),
            }
        }
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(listen)
        .map_err(|error| Failure::system("cannot start a thread", &error))?;
    Ok(())
}

/// tcpdump's three lines (tcpdump.c, `info`): the kernel counts what it dropped as received by the filter.
pub(crate) fn print_counters(counters: &Counters) {
    let plural = |count: u64| if count == 1 { "" } else { "s" };
    let (captured, dropped) = (counters.received, counters.dropped_by_kernel);
    let received = captured + dropped;
    terminal::line(format_args!("{captured} packet{} captured", plural(captured)));
    terminal::line(format_args!("{received} packet{} received by filter", plural(received)));
    terminal::line(format_args!("{dropped} packet{} dropped by kernel", plural(dropped)));
}
