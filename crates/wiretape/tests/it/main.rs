//! The real binary, as people and scripts call it.

mod calls;
mod capture;
mod filtering;
mod importing;
mod reading;
mod recording;
mod support;
mod wire;
