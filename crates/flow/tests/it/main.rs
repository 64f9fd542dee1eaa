//! Everything that goes through a whole table.

mod conversation;
mod proof;
