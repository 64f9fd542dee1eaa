//! The real binary, as people and scripts call it.

mod calls;
mod capture;
mod clocks;
mod courtesy;
mod disks;
mod duckdb;
mod exporting;
mod files;
mod filtering;
mod following;
mod holding;
mod importing;
mod live;
mod policies;
mod reading;
mod recording;
mod sharing;
mod summing;
mod support;
mod sweeping;
mod wire;
