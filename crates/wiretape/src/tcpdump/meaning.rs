//! What tcpdump's options mean here.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::options::Given;
use super::target::{files_of_old, tape_beside};
use crate::errors::Failure;
use crate::settings::{Directions, Interfaces, Settings, Switch};
use crate::units::{Limit, Size, Span};

/// What tcpdump was asked to do.
#[derive(Debug, PartialEq)]
pub(crate) enum Call {
    /// `-w FILE`: record onto a tape.
    Record {
        /// What a command line of `wiretape record` would say.
        settings: Settings,
        /// When it ends by itself.
        rotation: Rotation,
        /// Files of tcpdump's that are left alone.
        old_files: Vec<PathBuf>,
    },
    /// `-w -`: a live capture on standard output.
    Stream(Stream),
    /// `-d`: print the program of a filter.
    Dump {
        /// 1 for `-d`, 2 for `-dd`, 3 for `-ddd`.
        style: u8,
        /// The expression.
        expression: String,
        /// The link type by name, from `-y`; Ethernet without it.
        link: Option<String>,
    },
    /// `-D`: list the interfaces.
    ListInterfaces,
    /// `-h`.
    Help,
    /// `--version`.
    Version,
}

/// When a recording ends by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Rotation {
    /// `-c`: after so many packets.
    pub(crate) packets_max: Option<u64>,
    /// `-G N -W M`: after so long.
    pub(crate) time_max: Option<Duration>,
}

/// A live capture on standard output.
#[derive(Debug, PartialEq)]
pub(crate) struct Stream {
    /// Interfaces, snaplen, buffer, direction, expression; the rest says nothing.
    pub(crate) settings: Settings,
    /// `-c`: ends after so many packets.
    pub(crate) packets_max: Option<u64>,
    /// `--nano`: nanoseconds, with the magic number for them.
    pub(crate) nanoseconds: bool,
}

/// Understands the options; the second part are warnings.
pub(crate) fn understand(options: Vec<Given>, words: Vec<String>) -> Result<(Call, Vec<String>), Failure> {
    let mut reading = Reading::default();
    for option in options {
        reading.take(option)?;
    }
    let warnings = reading.warnings();
    reading.conclude(words).map(|call| (call, warnings))
}

/// The options as they come in, the last one counts, as with tcpdump.
#[derive(Default)]
struct Reading {
    settings: Settings,
    write: Option<String>,
    read: Option<String>,
    expression_file: Option<String>,
    file_bytes: Option<u64>,
    rotate: Option<Duration>,
    files_max: Option<u64>,
    packets_max: Option<u64>,
    dump: u8,
    link: Option<String>,
    nanoseconds: bool,
    other: Option<Call>,
    without_effect: Vec<&'static str>,
}

impl Reading {
    fn take(&mut self, Given { name, value }: Given) -> Result<(), Failure> {
        let value = value.unwrap_or_default();
        match name {
            "-n" | "-U" | "-O" | "--immediate-mode" | "--micro" => {}
            "-w" => self.write = Some(value),
            "-r" | "-V" => self.read = Some(value),
            "-F" => self.expression_file = Some(value),
            "-i" => self.settings.interface = Some(value.parse().map_err(|why: String| wrong(name, &value, why))?),
            "-C" => self.file_bytes = Some(file_bytes(&value)?),
            "-G" => self.rotate = Some(Duration::from_secs(at_least_one(name, &value)?)),
            "-W" => self.files_max = Some(at_least_one(name, &value)?),
            "-c" => self.packets_max = Some(at_least_one(name, &value)?),
            "-s" => self.settings.snaplen = Some(snaplen(&value)?),
            "-B" => self.settings.buffer = Some(Size(at_least_one(name, &value)?.saturating_mul(1024))),
            "-p" => self.settings.no_promiscuous = Some(Switch(true)),
            "-Q" => self.settings.direction = Some(direction(&value)?),
            "-Z" => self.settings.user = Some(value),
            "-z" if Path::new(&value).file_name().is_some_and(|command| command == "gzip") => self.ignore("-z gzip"),
            "-z" => return Err(no_command_after_rotation(&value)),
            "-d" => self.dump = self.dump.saturating_add(1).min(3),
            "-y" => self.link = Some(value),
            "--nano" => self.nanoseconds = true,
            "--time-stamp-precision" => self.nanoseconds = precision(&value)?,
            "-D" => self.other = Some(Call::ListInterfaces),
            "-h" => self.other = Some(Call::Help),
            "--version" => self.other = Some(Call::Version),
            "-I" => {
                return Err(not_here(name, "put the interface into monitor mode first: iw dev IFACE set type monitor"));
            }
            "-L" => return Err(not_here(name, "every interface is recorded with the one link type that it has")),
            "-J" => return Err(not_here(name, "packets have the kernel's time, in nanoseconds")),
            other => self.ignore(other),
        }
        Ok(())
    }

    fn ignore(&mut self, name: &'static str) {
        if !self.without_effect.contains(&name) {
            self.without_effect.push(name);
        }
    }

    fn warnings(&self) -> Vec<String> {
        let mut names = self.without_effect.clone();
        let time_type = names.iter().position(|name| *name == "-j").map(|at| names.remove(at));
        let mut warnings = Vec::new();
        if !names.is_empty() {
            let names = names.join(", ");
            warnings.push(format!("{names} has no effect here: Wiretape records packets whole and prints none"));
        }
        if self.link.is_some() && self.dump == 0 {
            warnings
                .push("-y has no effect here: every interface is recorded with the link type that it has".to_owned());
        }
        if time_type.is_some() {
            warnings.push("-j has no effect here: packets have the kernel's time, in nanoseconds".to_owned());
        }
        warnings
    }

    fn conclude(mut self, words: Vec<String>) -> Result<Call, Failure> {
        if let Some(call) = self.other {
            return Ok(call);
        }
        self.settings.filter = match &self.expression_file {
            Some(path) => Some(read_expression(path)?),
            None => crate::args::expression(&words),
        };
        if let Some(file) = &self.read {
            return Err(reading_is_another_command(file, self.write.as_deref(), self.settings.filter.as_deref()));
        }
        if self.dump > 0 {
            let expression = self.settings.filter.unwrap_or_default();
            return Ok(Call::Dump { style: self.dump, expression, link: self.link });
        }
        match self.write.take().as_deref() {
            None => Err(printing_is_another_command(&self.settings)),
            Some("-") => Ok(Call::Stream(Stream {
                settings: self.settings,
                packets_max: self.packets_max,
                nanoseconds: self.nanoseconds,
            })),
            Some(file) => self.record(file.to_owned()),
        }
    }

    fn record(mut self, file: String) -> Result<Call, Failure> {
        let file = Path::new(&file);
        if file.starts_with("/dev") || file.as_os_str().is_empty() {
            return Err(Failure::call(format!("-w {}: no tape can be made there", file.display()))
                .attempt("give a file in a folder with room, as -w /data/dump.pcap"));
        }
        self.settings.tape = Some(tape_beside(file));
        if let (Some(bytes), Some(files)) = (self.file_bytes, self.files_max) {
            self.settings.budget = Some(Limit::Bytes(bytes.saturating_mul(files)));
        }
        self.settings.roll = self.rotate.map(Span);
        let time_max = match (self.rotate, self.files_max, self.file_bytes) {
            (Some(rotate), Some(files), None) => Some(rotate.saturating_mul(u32::try_from(files).unwrap_or(u32::MAX))),
            _ => None,
        };
        let rotation = Rotation { packets_max: self.packets_max, time_max };
        Ok(Call::Record { settings: self.settings, rotation, old_files: files_of_old(file) })
    }
}

/// Millions of bytes; with the suffixes of tcpdump 5.0, units of 1024.
fn file_bytes(value: &str) -> Result<u64, Failure> {
    let digits = value.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match value.get(digits.len()..).unwrap_or_default() {
        "" => 1_000_000,
        "k" | "K" => 1 << 10,
        "m" | "M" => 1 << 20,
        "g" | "G" => 1 << 30,
        _ => return Err(wrong("-C", value, "only k, m and g are units".to_owned())),
    };
    Ok(at_least_one("-C", digits)?.saturating_mul(unit))
}

fn at_least_one(name: &str, value: &str) -> Result<u64, Failure> {
    match value.trim().parse::<u64>() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(wrong(name, value, "a whole number above 0 is needed".to_owned())),
    }
}

/// tcpdump's MAXIMUM_SNAPLEN, which 0 stands for too (netdissect.h).
const SNAPLEN_MAX: u32 = 262_144;

fn snaplen(value: &str) -> Result<u32, Failure> {
    match value.trim().parse::<u32>() {
        Ok(0) => Ok(0),
        Ok(number) if number <= SNAPLEN_MAX => Ok(number),
        _ => Err(wrong("-s", value, format!("a number up to {SNAPLEN_MAX} is needed"))),
    }
}

fn direction(value: &str) -> Result<Directions, Failure> {
    value.to_ascii_lowercase().parse().map_err(|why| wrong("-Q", value, why))
}

fn precision(value: &str) -> Result<bool, Failure> {
    match value {
        "micro" => Ok(false),
        "nano" => Ok(true),
        _ => Err(wrong("--time-stamp-precision", value, "it is micro or nano".to_owned())),
    }
}

/// A file for `-F`; what stands behind a `#` at the start of a line does not count, as with tcpdump 5.0.
fn read_expression(path: &str) -> Result<String, Failure> {
    let text = if path == "-" { std::io::read_to_string(std::io::stdin()) } else { std::fs::read_to_string(path) };
    let text = text.map_err(|error| Failure::system(format!("cannot read the expression file {path}"), &error))?;
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
    Ok(lines.join(" ").trim().to_owned())
}

fn wrong(name: &str, value: &str, why: String) -> Failure {
    Failure::call(format!("{name} {value} cannot be used")).because(why)
}

fn not_here(name: &str, advice: &str) -> Failure {
    Failure::call(format!("{name} is not offered here")).attempt(advice)
}

fn no_command_after_rotation(command: &str) -> Failure {
    Failure::call(format!("-z {command}: no command is run on finished files"))
        .because("a tape is compressed while it is written and its files are never changed afterwards")
        .attempt(format!("for what the command did: wiretape packets -w - --last 1h | {command}"))
}

fn reading_is_another_command(file: &str, write: Option<&str>, expression: Option<&str>) -> Failure {
    let write = write.map(|write| format!(" -w {}", quoted(write))).unwrap_or_default();
    let expression = expression.map(|text| format!(" {}", quoted(text))).unwrap_or_default();
    Failure::call("tcpdump's own spelling records; reading is a command of its own")
        .attempt(format!("to see its packets:       wiretape packets -r {}{write}{expression}", quoted(file)))
        .attempt(format!("to see its conversations: wiretape flows -r {}{expression}", quoted(file)))
        .attempt(format!("to keep it:               wiretape import --tape DIR {}", quoted(file)))
}

fn printing_is_another_command(settings: &Settings) -> Failure {
    let interface = match &settings.interface {
        Some(Interfaces::Named(names)) => format!("-i {} ", names.join(",")),
        Some(Interfaces::Any) => "-i any ".to_owned(),
        _ => String::new(),
    };
    let expression = settings.filter.as_deref().map(|text| format!(" {}", quoted(text))).unwrap_or_default();
    Failure::call("without -w nothing would be recorded, and tcpdump's own spelling prints no packets here")
        .attempt(format!("to record:      wiretape {interface}-w /data/dump.pcap{expression}"))
        .attempt(format!("to see packets: wiretape packets --live{expression}"))
        .attempt(format!("to see them without a recording: wiretape {interface}-w -{expression} | tcpdump -r -"))
}

/// For a shell, quoted if it has to be.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,=@%+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
