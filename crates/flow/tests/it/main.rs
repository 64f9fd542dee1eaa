//! Everything that goes through a whole table.

mod conversation;
mod cost;
mod proof;
