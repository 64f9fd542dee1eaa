//! From an interface to the files of a tape.

use std::fs::File;

use packet::capture::Reader;
use record::{Control, Options, Recorder};
use tape::{KeepFree, Lane, Tape};

use crate::frames::{tagged, udp};
use crate::network::Network;
use crate::recording::on;

#[test]
fn what_is_sent_is_on_the_tape() {
    let Some(network) = Network::new() else { return };
    network.veth("out0", "in0");
    network.ip("addr add 10.77.0.1/24 dev in0");
    let mut frames: Vec<Vec<u8>> =
        (0..500).map(|number| udp(number, (number as u16 + 1, 53), 50 + number as usize)).collect();
    frames.push(tagged(600, &[(0x88a8, 0x6065), (0x8100, 0xe066)], 8000));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.tape");
    let options = Options { packets_max: Some(frames.len() as u64), ..on("in0") };

    let recorder = Recorder::open(options).unwrap();
    network.send("out0", &frames);
    let mut options = tape::Options::new(100_000_000);
    options.keep_free = KeepFree::Bytes(0);
    let opened = Tape::open(&path, options).unwrap();
    let control = Control::new().unwrap();
    let (tape, mut table, counters) = recorder.run(opened.tape, opened.table, &control).unwrap();
    tape.close(&mut table);

    assert_eq!((counters.kept, counters.dropped_by_kernel), (frames.len() as u64, 0));
    let mut found = Vec::new();
    for lane in Lane::ALL {
        for file in std::fs::read_dir(path.join(lane.name())).into_iter().flatten() {
            let mut reader = Reader::new(File::open(file.unwrap().path()).unwrap()).unwrap();
            while let Some(packet) = reader.next().unwrap() {
                found.push((packet.arrival.unwrap(), packet.data.to_vec()));
            }
        }
    }
    found.sort();
    let found: Vec<Vec<u8>> = found.into_iter().map(|(_, data)| data).collect();
    assert_eq!(found, frames);
}
