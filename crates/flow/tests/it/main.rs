//! Everything that goes through a whole table.

mod captures;
mod clock;
mod conversation;
mod cost;
mod flood;
mod full;
mod heads;
mod lifetime;
mod parking;
mod proof;
mod replay;
mod rows;
mod traffic;
mod truth;
