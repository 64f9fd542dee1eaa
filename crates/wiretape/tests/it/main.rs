//! The real binary, as people and scripts call it.

mod calls;
mod capture;
mod filtering;
mod reading;
mod support;
