//! README.txt of a tape: how to read it, with Wiretape or without.

use std::path::Path;

use crate::terminal;

const TEXT: &str = "\
This is a Wiretape tape: a recording of network traffic in open formats.

With Wiretape
  wiretape flows   --tape . --last 1h              conversations
  wiretape packets --tape . -w out.pcapng          packets, for Wireshark or tcpdump
  wiretape status  --tape .                        how far back it reaches, what is missing

Without it
  client/ server/ transit/ bulk/ junk/             packets: pcapng, mostly compressed with zstd
  zstd -dc client/00000001-*.pcapng.zst | tshark -r -
  flows/*.parquet                                  rows of conversations, for DuckDB, pandas and others
  chain/*.jsonl                                    gaps, losses and what ageing removed
  Packets of the last seconds of a running recorder are in live/, and in these files a little later.

Nothing here is encrypted or signed: whoever reads this folder reads the traffic.
";

/// Leaves the text on a tape that has none. Without it the tape is as good, so a failure is only told.
pub(crate) fn leave(tape: &Path) {
    let path = tape.join("README.txt");
    if path.exists() {
        return;
    }
    if let Err(error) = std::fs::write(&path, TEXT) {
        terminal::warning(format_args!("{} could not be written: {error}", path.display()));
    }
}
