//! Frames in memory: filled by the caller, compressed or stored by others.

mod buffer;
mod encode;

pub(crate) use buffer::{FrameBuffer, Layout, Summary};
pub(crate) use encode::{Encoder, encode_blocks};
