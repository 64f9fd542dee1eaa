//! Tests of tapes as a whole.

mod built_tape;
mod question;
mod shared_captures;
