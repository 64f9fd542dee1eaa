//! What goes wrong while recording, for people.

use record::Error;

use super::{Exit, Failure};
use crate::terminal::escaped;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::NotPermitted(_) => Self::of(Exit::System, "cannot capture packets")
                .because("that needs the capability CAP_NET_RAW, which this process does not have")
                .attempt("as root:          sudo wiretape …")
                .attempt("for everybody:    sudo setcap cap_net_raw+ep /path/to/wiretape")
                .attempt("in a container:   docker run --cap-drop ALL --cap-add NET_RAW --net=host …, without --user: others than root get no capability")
                .attempt("reading a tape or a capture needs no privilege"),
            Error::NoSuchInterface { name, available } => {
                Self::of(Exit::System, format!("there is no interface {:?}", name))
                    .because(format!("there are: {}", listed(&available)))
                    .attempt("in a container the host's interfaces are seen with --net=host only")
            }
            Error::NoInterface { available } => Self::of(Exit::System, "no interface is worth recording by itself")
                .because(format!("none has a default route or an address; there are: {}", listed(&available)))
                .attempt("name one: -i IFACE, or all of them: -i any"),
            Error::Ring { interface, ring_bytes, source } => {
                Self::system(format!("cannot open a ring of {ring_bytes} bytes on {}", escaped(&interface)), &source)
                    .attempt("try a smaller --buffer (tcpdump's -B)")
            }
            Error::Interfaces(source) => Self::system("the kernel does not tell its interfaces", &source),
            Error::Filter { message, .. } => Self::call(message),
            Error::Wait(source) => Self::system("waiting for packets failed", &source),
            Error::Reader(source) => Self::system("a thread that reads a ring cannot be started", &source),
            Error::Output(source) => Self::output(source),
            Error::Tape(error) => error.into(),
            other => Self::of(Exit::System, "recording failed").because(escaped(&other.to_string())),
        }
    }
}

fn listed(names: &[String]) -> String {
    const NAMES_MAX: usize = 20;
    let shown: Vec<String> = names.iter().take(NAMES_MAX).map(|name| escaped(name)).collect();
    let more = names.len().saturating_sub(NAMES_MAX);
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}
