//! The input with its compression undone.

use std::io::{self, BufReader, ErrorKind, Read};

use flate2::bufread::MultiGzDecoder;

use super::error::{Error, Fault};
use super::sniff::{self, SNIFF_BYTES};
use super::{Compression, Format};

/// Compressed bytes that are read at a time.
const COMPRESSED_BYTES: usize = 256 * 1024;

/// An input, whose first bytes have been looked at, or a decoder around one.
pub(crate) enum Source<R: Read> {
    Plain(Sniffed<R>),
    Gzip(Box<MultiGzDecoder<BufReader<Sniffed<Source<R>>>>>),
    Zstd(Box<zstd::Decoder<'static, BufReader<Sniffed<Source<R>>>>>),
}

/// What was found around a capture, outermost first.
pub(crate) type Wrapping = [Option<Compression>; 2];

impl<R: Read> Source<R> {
    /// Unwraps an input up to twice and returns it with its first bytes.
    pub(crate) fn open(input: R) -> Result<(Sniffed<Self>, Wrapping), Error> {
        let mut wrapping = Wrapping::default();
        let mut source = Sniffed::new(Self::Plain(Sniffed::new(input)));
        for layer in 0.. {
            source.look().map_err(|error| Fault::Read(error).at(0, 0, outermost(&wrapping)))?;
            let Some(compression) = sniff::compression(source.first()) else { break };
            let Some(slot) = wrapping.get_mut(layer) else {
                return Err(Error::Foreign { found: sniff::NESTED });
            };
            *slot = Some(compression);
            source = Sniffed::new(match compression {
                Compression::Gzip => Self::Gzip(Box::new(MultiGzDecoder::new(buffered(source)))),
                Compression::Zstd => Self::Zstd(Box::new(
                    zstd::Decoder::with_buffer(buffered(source))
                        .map_err(|error| Fault::Read(error).at(0, 0, Some(compression)))?,
                )),
            });
        }
        Ok((source, wrapping))
    }
}

fn outermost(wrapping: &Wrapping) -> Option<Compression> {
    wrapping.first().copied().flatten()
}

impl Format {
    pub(crate) fn outermost_compression(&self) -> Option<Compression> {
        outermost(&self.compression)
    }
}

fn buffered<R: Read>(input: R) -> BufReader<R> {
    BufReader::with_capacity(COMPRESSED_BYTES, input)
}

impl<R: Read> Read for Source<R> {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(input) => input.read(buffer),
            Self::Gzip(decoder) => decoder.read(buffer),
            Self::Zstd(decoder) => decoder.read(buffer),
        }
    }
}

/// An input whose first bytes can be looked at before they are read.
pub(crate) struct Sniffed<R> {
    input: R,
    first: [u8; SNIFF_BYTES],
    /// `taken <= present <= first.len()`: bytes of `first` that have been read, and that are there.
    taken: usize,
    present: usize,
    /// A fault behind the first bytes, which are delivered before it.
    failure: Option<io::Error>,
}

impl<R: Read> Sniffed<R> {
    fn new(input: R) -> Self {
        Self { input, first: [0; SNIFF_BYTES], taken: 0, present: 0, failure: None }
    }

    /// The first bytes that have not been read, as many as [`Sniffed::look`] found.
    pub(crate) fn first(&self) -> &[u8] {
        self.first.get(self.taken..self.present).unwrap_or_default()
    }

    fn look(&mut self) -> io::Result<()> {
        while let Some(room @ [_, ..]) = self.first.get_mut(self.present..) {
            match self.input.read(room) {
                Ok(0) => break,
                Ok(read) => self.present = (self.present + read).min(SNIFF_BYTES),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if self.present == 0 => return Err(error),
                Err(error) => {
                    self.failure = Some(error);
                    break;
                }
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for Sniffed<R> {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.present {
            return match self.failure.take() {
                Some(failure) => Err(failure),
                None => self.input.read(buffer),
            };
        }
        let mut first = self.first();
        let read = first.read(buffer)?;
        self.taken += read;
        Ok(read)
    }
}
