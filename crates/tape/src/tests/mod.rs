//! The tape against disks that fail, forget and lie.

mod catalog;
mod clocks;
mod crash;
mod faults;
mod faulty_disk;
mod generator;
mod inspect;
mod segments;
