//! Splits arguments the way tcpdump does: getopt_long(3) with its letters and words (tcpdump 4.99 and 5.0).

use crate::errors::Failure;

/// One option as it was given: tcpdump's letter, or the long name of one that has no letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    /// `-i` or `--immediate-mode`.
    pub(crate) name: &'static str,
    /// Its value, for options that have one.
    pub(crate) value: Option<String>,
}

struct Known {
    name: &'static str,
    long: Option<&'static str>,
    value: bool,
}

const fn flag(name: &'static str, long: Option<&'static str>) -> Known {
    Known { name, long, value: false }
}

const fn valued(name: &'static str, long: Option<&'static str>) -> Known {
    Known { name, long, value: true }
}

/// tcpdump.c, `SHORTOPTS` and `longopts`.
const KNOWN: &[Known] = &[
    flag("-A", None),
    flag("-a", None),
    flag("-b", None),
    valued("-B", Some("buffer-size")),
    valued("-c", None),
    valued("-C", None),
    flag("-d", None),
    flag("-D", Some("list-interfaces")),
    flag("-e", None),
    valued("-E", None),
    flag("-f", None),
    valued("-F", None),
    valued("-G", None),
    flag("-h", Some("help")),
    flag("-H", None),
    valued("-i", Some("interface")),
    flag("-I", Some("monitor-mode")),
    valued("-j", Some("time-stamp-type")),
    flag("-J", Some("list-time-stamp-types")),
    flag("-K", Some("dont-verify-checksums")),
    flag("-l", None),
    flag("-L", Some("list-data-link-types")),
    valued("-m", None),
    valued("-M", None),
    flag("-n", None),
    flag("-N", None),
    flag("-O", Some("no-optimize")),
    flag("-p", Some("no-promiscuous-mode")),
    flag("-q", None),
    valued("-Q", Some("direction")),
    valued("-r", None),
    valued("-s", Some("snapshot-length")),
    flag("-S", Some("absolute-tcp-sequence-numbers")),
    flag("-t", None),
    valued("-T", None),
    flag("-u", None),
    flag("-U", Some("packet-buffered")),
    flag("-v", None),
    valued("-V", None),
    valued("-w", None),
    valued("-W", None),
    flag("-x", None),
    flag("-X", None),
    valued("-y", Some("linktype")),
    flag("-Y", None),
    valued("-z", None),
    valued("-Z", Some("relinquish-privileges")),
    flag("-#", Some("number")),
    flag("--count", Some("count")),
    valued("--time-stamp-precision", Some("time-stamp-precision")),
    flag("--micro", Some("micro")),
    flag("--nano", Some("nano")),
    flag("--immediate-mode", Some("immediate-mode")),
    flag("--print", Some("print")),
    flag("--skip", Some("skip")),
    flag("--lengths", Some("lengths")),
    flag("--print-sampling", Some("print-sampling")),
    flag("--version", Some("version")),
    valued("--fp-type", Some("fp-type")),
];

/// The options, and the words of the expression, which may stand between them.
pub(crate) fn split(arguments: &[String]) -> Result<(Vec<Given>, Vec<String>), Failure> {
    let mut options = Vec::new();
    let mut expression = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if argument == "--" {
            expression.extend(rest.cloned());
            break;
        } else if let Some(word) = argument.strip_prefix("--") {
            options.push(long(word, &mut rest)?);
        } else if argument.len() > 1 && argument.starts_with('-') {
            short(argument, &mut rest, &mut options)?;
        } else {
            expression.push(argument.clone());
        }
    }
    Ok((options, expression))
}

fn short<'a>(
    bundle: &str,
    rest: &mut impl Iterator<Item = &'a String>,
    options: &mut Vec<Given>,
) -> Result<(), Failure> {
    for (at, letter) in bundle.char_indices().skip(1) {
        let known = KNOWN.iter().find(|known| known.name.len() == 2 && known.name.ends_with(letter));
        let known = known.ok_or_else(|| unknown(&format!("-{letter}")))?;
        if !known.value {
            options.push(Given { name: known.name, value: None });
            continue;
        }
        let attached = bundle.get(at + letter.len_utf8()..).filter(|value| !value.is_empty()).map(str::to_owned);
        let value = attached.or_else(|| rest.next().cloned()).ok_or_else(|| without_value(known.name))?;
        options.push(Given { name: known.name, value: Some(value) });
        break;
    }
    Ok(())
}

fn long<'a>(word: &str, rest: &mut impl Iterator<Item = &'a String>) -> Result<Given, Failure> {
    let (name, attached) = match word.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (word, None),
    };
    let dashed = format!("--{name}");
    let known = find_long(name, &dashed)?;
    match (known.value, attached) {
        (false, None) => Ok(Given { name: known.name, value: None }),
        (false, Some(_)) => Err(Failure::call(format!("{dashed} takes no value"))),
        (true, attached) => {
            let value = attached.or_else(|| rest.next().cloned()).ok_or_else(|| without_value(&dashed))?;
            Ok(Given { name: known.name, value: Some(value) })
        }
    }
}

/// By its whole name, or, as getopt_long does, by a beginning that no other name has.
fn find_long(name: &str, dashed: &str) -> Result<&'static Known, Failure> {
    if let Some(exact) = KNOWN.iter().find(|known| known.long == Some(name)) {
        return Ok(exact);
    }
    let begins = |known: &&Known| !name.is_empty() && known.long.is_some_and(|long| long.starts_with(name));
    let mut candidates = KNOWN.iter().filter(begins);
    match (candidates.next(), candidates.next()) {
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => Err(Failure::call(format!("{dashed} could be several of tcpdump's options"))),
        (None, _) => Err(unknown(dashed)),
    }
}

fn unknown(option: &str) -> Failure {
    Failure::call(format!("tcpdump has no option {option}"))
        .because("the first argument starts with a dash, so this is read as tcpdump's own spelling")
        .attempt("for Wiretape's own options name a command first: wiretape record …, wiretape --help")
}

fn without_value(option: &str) -> Failure {
    Failure::call(format!("{option} needs a value"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, options: &[(&'static str, Option<&str>)], expression: &str) {
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let (found, words) = split(&arguments).map_err(|failure| failure.to_string()).expect(line);
        let found: Vec<_> = found.iter().map(|given| (given.name, given.value.as_deref())).collect();
        assert_eq!((found.as_slice(), words.join(" ").as_str()), (options, expression), "{line}");
    }

    #[test]
    fn as_getopt_does() {
        check("-nni eth0 -s0", &[("-n", None), ("-n", None), ("-i", Some("eth0")), ("-s", Some("0"))], "");
        check("-ieth0 port 80 -w x", &[("-i", Some("eth0")), ("-w", Some("x"))], "port 80");
        check("-w - -U", &[("-w", Some("-")), ("-U", None)], "");
        check("-n -- -x", &[("-n", None)], "-x");
        check("--interface=lo --snap 9", &[("-i", Some("lo")), ("-s", Some("9"))], "");
        check("--interface lo --immediate-mode", &[("-i", Some("lo")), ("--immediate-mode", None)], "");
        check("--count --number", &[("--count", None), ("-#", None)], "");
        check(
            "-vv#tttt",
            &[("-v", None), ("-v", None), ("-#", None), ("-t", None), ("-t", None), ("-t", None), ("-t", None)],
            "",
        );
    }

    #[test]
    fn what_tcpdump_does_not_know() {
        for line in ["-k", "--tape x", "-i", "--interface", "--time", "--immediate-mode=1", "-niö -ö"] {
            let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            assert!(split(&arguments).is_err(), "{line}");
        }
    }
}
