//! CAP_NET_RAW is enough, and nothing less is.

use record::Error;
use rustix::process::Uid;
use rustix::thread::{CapabilitySet, CapabilitySets};

use crate::frames::udp;
use crate::network::Network;
use crate::recording::on;

/// Makes the calling thread one of user nobody's with these capabilities.
fn become_nobody(capabilities: CapabilitySet) {
    rustix::thread::set_keep_capabilities(true).unwrap();
    let nobody = Uid::from_raw(65_534);
    rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
    let sets = CapabilitySets { effective: capabilities, permitted: capabilities, inheritable: CapabilitySet::empty() };
    rustix::thread::set_capabilities(None, sets).unwrap();
}

#[test]
fn net_raw_is_enough() {
    let Some(network) = Network::new() else { return };
    network.veth("out0", "in0");
    let enter = network.entrance();
    let (opened, is_opened) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        enter();
        become_nobody(CapabilitySet::NET_RAW);
        let recorder = record::Recorder::open(record::Options { packets_max: Some(1), ..on("in0") }).unwrap();
        opened.send(()).unwrap();
        let control = record::Control::new().unwrap();
        let table = flow::FlowTable::new(flow::Config::new([1; 16], [2; 32]));
        recorder.run(crate::keeper::Memory::default(), table, &control).unwrap().2
    });
    is_opened.recv().unwrap();
    network.send("out0", &[udp(1, (1, 2), 60)]);
    assert_eq!(thread.join().unwrap().kept, 1);
}

#[test]
fn without_it_the_error_says_what_is_missing() {
    let Some(network) = Network::new() else { return };
    network.veth("out0", "in0");
    let enter = network.entrance();
    let thread = std::thread::spawn(move || {
        enter();
        become_nobody(CapabilitySet::empty());
        record::Recorder::open(on("in0")).unwrap_err()
    });
    let error = thread.join().unwrap();
    assert!(matches!(error, Error::NotPermitted(_)), "{error}");
    assert!(error.to_string().starts_with("capturing packets needs CAP_NET_RAW"));
}
