//! What questions have in common: from arguments to a source and a query.

use std::sync::Arc;

use packet::Timestamp;
use tape::question::{Expression, Query, Source};

use crate::args::{QuestionArgs, SourceArgs, TimesArgs, expression};
use crate::errors::Failure;
use crate::names::LocalNames;
use crate::payload;
use crate::source::{self, Place};
use crate::terminal;
use crate::units::{Moment, Zone, local_zone_name, now, rfc3339};

/// The source that is asked.
pub(super) fn source(arguments: &SourceArgs) -> Result<Source, Failure> {
    Ok(match source::resolve(arguments)? {
        Place::Tape(directory) => Source::tape(directory),
        Place::Captures(paths) => Source::captures(paths),
    })
}

/// The names of what is asked.
pub(super) fn names(source: &Source) -> Vec<String> {
    match source {
        Source::Tape(directory) => vec![directory.display().to_string()],
        Source::Captures(paths) => paths.iter().map(|path| path.display().to_string()).collect(),
    }
}

/// The times and the expression of a question.
pub(super) fn query(arguments: &QuestionArgs) -> Result<Query, Failure> {
    query_of(&arguments.times, &arguments.expression)
}

/// The same, of an expression that is made here.
pub(super) fn query_of(times: &TimesArgs, words: &[String]) -> Result<Query, Failure> {
    let (from, to) = range(times)?;
    let expression = expression(words).map(|text| parsed(&text)).transpose()?;
    Ok(Query { expression, from, to, payload: Some(payload::of_everything), ..Query::default() })
}

/// An expression, with the names and the time zone of this host; says how it was understood where that may surprise.
fn parsed(text: &str) -> Result<Expression, Failure> {
    let now = now();
    let time = |word: &str| word.parse().ok().map(|moment: Moment| moment.at(now));
    let expression = Expression::new(text, Arc::new(LocalNames::read()), &time);
    let expression = expression.map_err(|error| Failure::expression(text, &error))?;
    if let Some(understood) = expression.notice() {
        terminal::notice(understood);
    }
    Ok(expression)
}

/// The range of time; says in which time zone it was understood if none was given.
fn range(times: &TimesArgs) -> Result<(Option<Timestamp>, Option<Timestamp>), Failure> {
    let now = now();
    let at = |moment: Moment| moment.at(now);
    let from = times.last.map(Moment::before_now).or(times.from).map(at);
    let to = times.to.map(at);
    if [times.from, times.to].iter().flatten().any(|moment| moment.zone == Zone::Local) {
        let shown = |time: Option<Timestamp>| time.map_or("…".to_owned(), rfc3339);
        let (from, to) = (shown(from), shown(to));
        terminal::notice(format_args!("times without a zone are this host's, {}: {from} to {to}", local_zone_name()));
    }
    match (from, to) {
        (Some(from), Some(to)) if from >= to => Err(Failure::call("--from has to be before --to").because(format!(
            "{} is not before {}",
            rfc3339(from),
            rfc3339(to)
        ))),
        range => Ok(range),
    }
}
