//! Reads captures and says how fast: `cargo run --release -p packet --example read_capture FILE…`.

use std::fs::File;
use std::io::{self, Write};
use std::time::Instant;

use packet::capture::Reader;

fn main() -> io::Result<()> {
    for path in std::env::args().skip(1) {
        let start = Instant::now();
        let mut reader = Reader::new(File::open(&path)?).map_err(io::Error::other)?;
        let (mut bytes, mut first_bytes) = (0u64, 0u64);
        while let Some(packet) = reader.next().map_err(io::Error::other)? {
            bytes += packet.data.len() as u64;
            first_bytes += u64::from(packet.data.first().copied().unwrap_or(0));
        }
        let seconds = start.elapsed().as_secs_f64();
        writeln!(
            io::stdout(),
            "{path}: {} packets, {bytes} bytes (sum of first bytes {first_bytes}) in {seconds:.3} s: \
             {:.2} GB/s, {:.1} million packets/s",
            reader.packets(),
            bytes as f64 / seconds / 1e9,
            reader.packets() as f64 / seconds / 1e6,
        )?;
    }
    Ok(())
}
