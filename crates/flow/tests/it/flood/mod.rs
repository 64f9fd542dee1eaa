//! Floods against a table, its admission, and lanes that are numbers.

mod month;
mod restart;
mod rows;
mod survival;
mod tape;
mod traffic;
