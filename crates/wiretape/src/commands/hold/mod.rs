//! `wiretape hold`: flows kept out of the reach of ageing.

mod fill;
mod show;

use packet::Timestamp;
use tape::holds::{self, Ask, Held, Order, Release, State};
use tape::question::Expression;

pub(super) use fill::withdraw;
pub(super) use show::{line, sum, to_json};

use super::question as asked;
use crate::args::{HoldAddArgs, HoldArgs, HoldCommand, HoldReleaseArgs};
use crate::errors::{Exit, Failure};
use crate::source;
use crate::terminal::{self, escaped};
use crate::units::{Span, now, rfc3339};

/// Does what was asked with holds.
pub(crate) fn run(arguments: &HoldArgs) -> Result<Exit, Failure> {
    match &arguments.command {
        HoldCommand::Add(arguments) => add(arguments),
        HoldCommand::List(arguments) => {
            let tape = source::resolve_tape(arguments.tape.tape.as_deref())?;
            show::list(&holds::holds(&tape)?, arguments.format)
        }
        HoldCommand::Show(arguments) => {
            let tape = source::resolve_tape(arguments.tape.tape.as_deref())?;
            let held = holds::hold(&tape, &arguments.name).ok_or_else(|| missing(&arguments.name))?;
            show::one(&held, arguments.format)
        }
        HoldCommand::Release(arguments) => release(arguments),
    }
}

fn add(arguments: &HoldAddArgs) -> Result<Exit, Failure> {
    let tape = source::resolve_tape(arguments.tape.tape.as_deref())?;
    let order = order(arguments)?;
    let name = match &arguments.name {
        Some(name) => place(&tape, name, &order)?,
        None => place_anew(&tape, &default_name(&order), &order)?,
    };
    if order.to.is_none() {
        terminal::notice(format_args!(
            "the range has no end: what comes is kept too, until wiretape hold release {name}"
        ));
    }
    let held = fill::filled(&tape, &name)?;
    let progress = held.progress.clone().unwrap_or_default();
    if progress.state == State::Refused {
        let why = progress.why.unwrap_or_default();
        fill::withdraw(&tape, &name);
        return Err(Failure::of(Exit::System, format!("hold {name} was refused, and nothing is kept"))
            .because(escaped(&why))
            .attempt("what others keep: wiretape hold list, wiretape hold release HOLD")
            .attempt("or let holds have more of the tape: wiretape record --hold-budget"));
    }
    show::conclude(&held, arguments.format)?;
    if progress.packets == 0 && progress.state == State::Kept {
        fill::withdraw(&tape, &name);
        terminal::notice("no flow matched: there is nothing to hold");
        let is_certain = progress.expired.is_empty() && progress.gaps == 0 && progress.incomplete_flows == 0;
        return Ok(if is_certain { Exit::Nothing } else { Exit::NothingCertain });
    }
    Ok(Exit::Done)
}

/// What is to be held, with its times settled.
fn order(arguments: &HoldAddArgs) -> Result<Order, Failure> {
    let query = asked::query_of(&arguments.times, &arguments.expression)?;
    let expression = query.expression.as_ref().map(Expression::text);
    if query.expression.as_ref().is_some_and(Expression::has_times) {
        return Err(Failure::call("a hold does not take after and before in its expression")
            .attempt("give it its times with --from, --to, --last or --follow"));
    }
    let now = now();
    let later = |Span(span): Span| Timestamp(now.0.saturating_add(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)));
    let to = match (arguments.follow, query.to) {
        (Some(span), _) => Some(later(span)),
        (None, Some(to)) => Some(to),
        (None, None) => arguments.times.last.map(|_| now),
    };
    for (text, what) in [(&arguments.reason, "--reason"), (&arguments.owner, "--owner")] {
        if text.trim().is_empty() || text.len() > TEXT_BYTES_MAX {
            return Err(Failure::call(format!("{what} has to say something, in at most {TEXT_BYTES_MAX} bytes")));
        }
    }
    Ok(Order {
        reason: arguments.reason.clone(),
        owner: arguments.owner.clone(),
        created: now,
        expression: expression.map(str::to_owned),
        from: query.from,
        to,
        review: arguments.review.map(|review| review.at(now)),
        bytes_max: arguments.max_size.map(|size| size.0),
        retain_s: None,
    })
}

/// Of a reason, or a name of somebody.
const TEXT_BYTES_MAX: usize = 1000;

/// Leaves the order under this name.
pub(super) fn place(tape: &std::path::Path, name: &str, order: &Order) -> Result<String, Failure> {
    match holds::ask(tape, name, order)? {
        Ask::Left => Ok(name.to_owned()),
        Ask::Exists => Err(Failure::call(format!("there is a hold {} already", escaped(name)))
            .attempt("choose another --name, or see: wiretape hold list")),
        Ask::NoName => Err(Failure::call(format!("{:?} is no name for a hold", escaped(name)))
            .because("it has at most 64 letters, digits, -, _ and ., and begins with a letter or digit")),
        Ask::TooMany => Err(Failure::of(Exit::System, "there are as many holds as a tape can have")
            .attempt("to see them: wiretape hold list; to end one: wiretape hold release HOLD")),
    }
}

/// The same under a name that nobody has yet.
pub(super) fn place_anew(tape: &std::path::Path, name: &str, order: &Order) -> Result<String, Failure> {
    const SAME_MAX: u32 = 1000;
    for number in 1..SAME_MAX {
        let name = if number == 1 { name.to_owned() } else { format!("{name}-{number}") };
        if holds::ask(tape, &name, order)? != Ask::Exists {
            return place_checked(tape, &name, order);
        }
    }
    place(tape, name, order)
}

/// What was asked just now is there; anything else is said.
fn place_checked(tape: &std::path::Path, name: &str, order: &Order) -> Result<String, Failure> {
    let is_there = holds::hold(tape, name).is_some_and(|held| held.order == *order);
    if is_there { Ok(name.to_owned()) } else { place(tape, name, order) }
}

/// When it was asked for, and the first words of why.
fn default_name(order: &Order) -> String {
    const WORDS_MAX: usize = 24;
    let time: String = rfc3339(order.created).chars().take(19).filter(|letter| !"-:".contains(*letter)).collect();
    let mut words = String::new();
    for letter in order.reason.to_ascii_lowercase().chars() {
        match letter {
            'a'..='z' | '0'..='9' => words.push(letter),
            _ if !words.is_empty() && !words.ends_with('-') => words.push('-'),
            _ => {}
        }
        if words.len() >= WORDS_MAX {
            break;
        }
    }
    let words = words.trim_end_matches('-');
    if words.is_empty() { time } else { format!("{time}-{words}") }
}

fn release(arguments: &HoldReleaseArgs) -> Result<Exit, Failure> {
    let tape = source::resolve_tape(arguments.tape.tape.as_deref())?;
    let order = Release { reason: arguments.reason.clone(), by: arguments.owner.clone() };
    let held = holds::hold(&tape, &arguments.name).ok_or_else(|| missing(&arguments.name))?;
    if !holds::release(&tape, &arguments.name, &order)? {
        return Err(missing(&arguments.name));
    }
    fill::worked_off(&tape, &|| holds::hold(&tape, &arguments.name).is_none())?;
    terminal::notice(format_args!("released {}", show::sum(&held)));
    Ok(Exit::Done)
}

fn missing(name: &str) -> Failure {
    Failure::call(format!("there is no hold {:?}", escaped(name))).attempt("to see those that are: wiretape hold list")
}

/// Whether a hold's review date has passed.
pub(crate) fn is_review_due(held: &Held) -> bool {
    held.order.review.is_some_and(|review| review <= now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_when_and_why() {
        let name = |reason: &str| {
            default_name(&Order {
                reason: reason.to_owned(),
                owner: String::new(),
                created: Timestamp(1_795_428_000_000_000_000),
                expression: None,
                from: None,
                to: None,
                review: None,
                bytes_max: None,
                retain_s: None,
            })
        };
        assert_eq!(name("Case 17: brute force against ssh, again"), "20261123T100000-case-17-brute-force-agai");
        assert_eq!(name("¡!"), "20261123T100000");
        assert!(holds::is_name(&name("../../etc/passwd")), "{}", name("../../etc/passwd"));
    }
}
