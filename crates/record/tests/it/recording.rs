//! A recorder in a thread of its own.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use flow::{Config, FlowTable};
use record::{Control, Counters, Options, Recorder};

use crate::keeper::Memory;
use crate::network::Network;

/// Records until `stop`.
pub(crate) struct Recording {
    pub(crate) control: Arc<Control>,
    thread: JoinHandle<(Memory, Counters)>,
}

impl Recording {
    /// Waits until the rings are open.
    pub(crate) fn start(network: &Network, options: Options) -> Self {
        Self::start_after(network, options, || {})
    }

    /// Calls `opened` in the recorder's thread between the opening of the rings and the first packet.
    pub(crate) fn start_after(network: &Network, options: Options, opened: impl FnOnce() + Send + 'static) -> Self {
        let control = Arc::new(Control::new().unwrap());
        let (ready, is_ready) = channel();
        let (own, enter) = (control.clone(), network.entrance());
        let thread = std::thread::spawn(move || {
            enter();
            let recorder = Recorder::open(options).unwrap();
            opened();
            ready.send(()).unwrap();
            let table = FlowTable::new(Config::new([1; 16], [2; 32]));
            let (memory, _, counters) = recorder.run(Memory::default(), table, &own).unwrap();
            (memory, counters)
        });
        is_ready.recv().unwrap();
        Self { control, thread }
    }

    /// Until the recorder has taken in so many packets, or ten seconds are over.
    pub(crate) fn wait_for(&self, packets: u64) {
        let end = Instant::now() + Duration::from_secs(10);
        while self.control.counters().received < packets && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Until the recorder, which has an end of its own, has come to it.
    pub(crate) fn join(self) -> (Memory, Counters) {
        self.thread.join().unwrap()
    }

    pub(crate) fn stop(self) -> (Memory, Counters) {
        self.control.stop();
        self.join()
    }
}

/// Options that record one interface, or what else `-i` can say.
pub(crate) fn on(selection: &str) -> Options {
    Options { selection: selection.parse().unwrap(), ring_bytes: 8 << 20, ..Options::default() }
}
