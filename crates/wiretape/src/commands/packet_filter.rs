//! Expressions that are compiled for single packets: what is recorded, what `filter` shows.

use crate::errors::Failure;
use crate::terminal;

/// Refuses what only a question can ask, and says how `and` and `or` were understood where that may surprise.
pub(crate) fn look_at(text: &str) -> Result<(), Failure> {
    // What is not even a question is told better by the compiler.
    let Ok(question) = filter::parse_question(text, &|_| None) else { return Ok(()) };
    if question.has_fields() {
        return Err(Failure::call("fields of flows cannot be part of a packet filter")
            .because("they are known when a flow is over, and a filter decides when a packet comes")
            .attempt("ask a tape or a capture for them: wiretape flows EXPR, wiretape packets EXPR"));
    }
    if let Some(understood) = question.notice() {
        terminal::notice(understood);
    }
    Ok(())
}
