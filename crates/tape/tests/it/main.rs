//! Tests of tapes as a whole.

mod built_tape;
mod clocks;
mod clues;
mod damage;
mod expressions;
mod health;
mod planner;
mod question;
mod random_questions;
mod recorded;
mod recorder;
mod replaced;
mod said;
mod shared_captures;
mod thousands;
mod written;
