//! Frames on their way from a segment's file into memory.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, OnceLock};

use zstd::bulk::Decompressor;

use crate::format::names::Encoding;

/// Most bytes that a frame can have for a reader, compressed or not: many times what is written.
const READ_BYTES_MAX: u32 = 64 << 20;

/// A frame's bytes, and what keeps them.
#[derive(Debug, Default)]
pub(crate) struct FrameBytes {
    owned: Vec<u8>,
    shared: Option<Arc<[u8]>>,
}

impl FrameBytes {
    /// The bytes.
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.shared.as_deref().unwrap_or(&self.owned)
    }
}

/// A piece of a segment that is read at once.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) file: Arc<File>,
    pub(super) offset: u64,
    pub(super) bytes: u32,
}

/// A piece that several frames are in; whoever needs one of them first reads it.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) piece: Piece,
    pub(super) read: OnceLock<Result<Vec<u8>, String>>,
}

/// What a frame is made of.
#[derive(Debug)]
pub(super) enum Source {
    /// A piece of its own.
    Piece(Piece),
    /// Some bytes of a run, from an offset on.
    Run(Arc<Run>, usize, u32),
    /// Bytes that are in memory already.
    Memory(Arc<[u8]>),
}

/// Brings frames into memory, with memory that is used again.
#[derive(Default)]
pub(super) struct Loader {
    decompressor: Option<Decompressor<'static>>,
    packed: Vec<u8>,
}

impl Loader {
    /// Reads a frame of `ubytes` bytes; the error says what is wrong with it.
    pub(super) fn load(
        &mut self,
        source: &Source,
        encoding: Encoding,
        ubytes: u32,
        out: &mut FrameBytes,
    ) -> Result<(), String> {
        out.shared = None;
        match (source, encoding) {
            (Source::Memory(bytes), _) => out.shared = Some(bytes.clone()),
            (Source::Piece(piece), Encoding::Plain) => read(piece, &mut out.owned)?,
            (Source::Piece(piece), Encoding::Zstd) => {
                let mut packed = std::mem::take(&mut self.packed);
                let done = read(piece, &mut packed).and_then(|()| self.unpack(&packed, ubytes, &mut out.owned));
                self.packed = packed;
                done?;
            }
            (Source::Run(run, at, bytes), encoding) => {
                let read = run.read.get_or_init(|| {
                    let mut bytes = Vec::new();
                    read(&run.piece, &mut bytes).map(|()| bytes)
                });
                let of_run =
                    read.as_ref().map_err(Clone::clone)?.get(*at..).and_then(|rest| rest.get(..*bytes as usize));
                let of_run = of_run.ok_or_else(|| String::from("it is cut off"))?;
                match encoding {
                    Encoding::Plain => {
                        out.owned.clear();
                        out.owned.extend_from_slice(of_run);
                    }
                    Encoding::Zstd => self.unpack(of_run, ubytes, &mut out.owned)?,
                }
            }
        }
        Ok(())
    }

    fn unpack(&mut self, packed: &[u8], ubytes: u32, out: &mut Vec<u8>) -> Result<(), String> {
        if ubytes > READ_BYTES_MAX {
            return Err(format!("{ubytes} bytes are more than a frame can have"));
        }
        let decompressor = match &mut self.decompressor {
            Some(decompressor) => decompressor,
            none => none.insert(Decompressor::new().map_err(|error| error.to_string())?),
        };
        out.clear();
        out.reserve(ubytes as usize);
        let found = decompressor.decompress_to_buffer(packed, out).map_err(|error| error.to_string())?;
        if found != ubytes as usize {
            return Err(format!("it has {found} bytes uncompressed, not {ubytes}"));
        }
        Ok(())
    }
}

fn read(piece: &Piece, out: &mut Vec<u8>) -> Result<(), String> {
    let bytes = piece.bytes as usize;
    if piece.bytes > READ_BYTES_MAX {
        return Err(format!("{bytes} bytes are more than a frame can have"));
    }
    // Memory that was used before need not be cleared.
    if out.len() > bytes {
        out.truncate(bytes)
    } else {
        out.resize(bytes, 0)
    }
    piece.file.read_exact_at(out, piece.offset).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => String::from("it is cut off"),
        _ => error.to_string(),
    })
}
