//! Every capture beside the repository: no panic, nothing left over, every file that begins ends.

use investigate::Field;

use crate::captures::investigate;
use crate::collect::Collected;
use crate::shared::{every_capture, folder};

#[test]
fn every_capture_can_be_investigated() {
    let Some(folder) = folder() else { return };
    let captures = every_capture(&folder);
    let mut packets = 0;
    for capture in &captures {
        let mut collected = Collected::default();
        packets += investigate(capture, &mut collected);
        for file in &collected.files {
            assert!(file.ends.is_some(), "{}: a file does not end: {:?} {:?}", capture.display(), file.at, file.start);
            assert!(file.bytes().len() < 1 << 30, "{}: a file grows too large: {:?}", capture.display(), file.start);
        }
        for ja3 in collected.texts(Field::Ja3) {
            assert!(ja3.len() == 32 && ja3.bytes().all(|digit| digit.is_ascii_hexdigit()), "{ja3}");
        }
    }
    assert!(packets > 50_000, "{packets} packets of {} captures", captures.len());
}
