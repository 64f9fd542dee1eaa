//! `wiretape case export`: one zip with what there is of an incident.

mod archive;
mod carved;
mod report;

use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

use flow::Kept;
use investigate::files::FoundFile;
use investigate::indicators::export::{self, Export};
use investigate::indicators::{Indicator, Item, Meeting, Observation, Observer, Observing, Tally, What};
use packet::Address;
use serde_json::{Value, json};
use tape::question::{self, Coverage, Query, Source};

use self::archive::Archive;
use super::export::leave_nothing_on_signals;
use super::{courtesy, hold, indicators, observed, question as asked, spool};
use crate::args::{CaptureFormat, CaseArgs, CaseCommand, CaseExportArgs, IocsFormat, LinkWanted};
use crate::errors::{Exit, Failure};
use crate::output::capture::{CaptureWriter, SourceLinks, Wanted, WriteError};
use crate::output::flows::{FlowRecord, write_json};
use crate::output::{coverage, iocs};
use crate::terminal;
use crate::units::{now, rfc3339};

/// Files and flows that the report shows; all are in the lists.
const SHOWN_MAX: usize = 500;
/// Files that are listed.
const FILES_MAX: usize = 1 << 20;

/// Does what is asked of a case.
pub(crate) fn run(arguments: &CaseArgs) -> Result<Exit, Failure> {
    match &arguments.command {
        CaseCommand::Export(arguments) => export(arguments),
    }
}

fn export(arguments: &CaseExportArgs) -> Result<Exit, Failure> {
    courtesy::give_way(arguments.question.limits.memory)?;
    let source = asked::source(&arguments.question.source)?;
    let names = asked::names(&source);
    let source = spool::repeatable(source, arguments.allow.as_deref())?;
    let query = Query { whole_flows: true, ..asked::query(&arguments.question)? };
    let allowed = arguments.allow.as_deref().map(indicators::read).transpose()?.unwrap_or_default();
    leave_nothing_on_signals()?;
    let mut archive = Archive::create(&arguments.output)?;
    let mut case = Case { tally: Tally::new(allowed), files: Vec::new(), flows: Vec::new(), flow_count: 0 };
    let packets = packets(&source, &query, &mut archive)?;
    // What packets tell comes first: rows tell the rest, of flows whose packets are gone.
    let said = observed::packets(&source, &query, &mut case, None)?;
    let rows = flows(&source, &query, &mut case, &mut archive)?;
    let covered = observed::together(observed::together(said, rows), packets.clone());
    carved::files(&source, &query, !arguments.no_files, &mut archive)?;
    let (private, left_out, _) = case.tally.left_out();
    let Case { tally, files, flows, flow_count } = case;
    let items = tally.into_items();
    let title = arguments.title.clone().unwrap_or_else(|| asked_of(arguments));
    let exported = Export { title: &title, items: &items, rfc3339 };
    archive.entry("indicators.csv", |out| iocs::print(out, IocsFormat::Csv, &items))?;
    archive.entry("indicators.stix.json", |out| {
        serde_json::to_writer_pretty(out, &export::stix(&exported)).map_err(Into::into)
    })?;
    let holds = holds(&source)?;
    archive.entry("holds.json", |out| serde_json::to_writer_pretty(out, &holds).map_err(Into::into))?;
    let about = about(&title, arguments, &names, &query, &covered);
    archive.entry("coverage.json", |out| serde_json::to_writer_pretty(out, &about).map_err(Into::into))?;
    let report = report::Report {
        title: &title,
        about: &about,
        packets: packets.matched,
        flows: &flows,
        flow_count,
        files: &files,
        items: &items,
        private,
        left_out,
        holds: &holds,
    };
    archive.entry("report.html", |out| out.write_all(report.html().as_bytes()))?;
    archive.finish()?;
    terminal::notice(format_args!("written to {}; its sums: sha256sum -c SHA256SUMS", arguments.output.display()));
    Ok(coverage::conclude(&covered, "packets"))
}

/// What is collected on the way.
struct Case {
    tally: Tally,
    files: Vec<FoundFile>,
    flows: Vec<FlowRecord>,
    flow_count: u64,
}

impl Observing for Case {
    fn observe(&mut self, observation: &Observation<'_>) {
        if let What::File(file) = observation.what
            && self.files.len() < FILES_MAX
        {
            self.files.push(file.clone());
        }
        self.tally.observe(observation);
    }

    fn meet(&mut self, flow: u64, client: Address, server: Address) {
        self.tally.meet(flow, client, server);
    }
}

/// The packets of the flows, as they were recorded.
fn packets(source: &Source, query: &Query, archive: &mut Archive) -> Result<Coverage, Failure> {
    let wanted = Wanted {
        format: CaptureFormat::Pcapng,
        link: LinkWanted::Keep,
        single: false,
        source: SourceLinks::Unknown,
        live: false,
    };
    let mut answer: Result<Coverage, Failure> = Ok(Coverage::default());
    archive.entry("packets.pcapng", |out| {
        let mut writer = CaptureWriter::new(out, wanted);
        let mut failed = None;
        answer = question::packets(source, query, &mut |packet, interface| match writer.packet(packet, interface) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        })
        .map_err(Failure::from);
        let written = failed.map_or_else(|| writer.finish().map(drop), Err);
        written.map_err(|error| match error {
            WriteError::Capture(packet::capture::Error::Write(error)) => error,
            other => std::io::Error::other(other),
        })
    })?;
    answer
}

fn flows(source: &Source, query: &Query, case: &mut Case, archive: &mut Archive) -> Result<Coverage, Failure> {
    let mut answer: Result<Coverage, Failure> = Ok(Coverage::default());
    archive.entry("flows.jsonl", |out| {
        let mut failed = None;
        answer = question::flows(source, query, &mut |flow| {
            let record = FlowRecord::new(flow.row, flow.in_iface, flow.kept, flow.sensor);
            let row = flow.row;
            if row.ip_version != 0 {
                let (client, server) = (row.src_ip, row.dest_ip);
                let meeting = Meeting { flow: row.flow_id.0, first: row.start, last: row.end, client, server };
                let said = row.payload.iter().filter(|_| flow.kept != Kept::Full).flat_map(|payload| payload.iter());
                Observer::new(&mut case.tally, None).row(&meeting, said);
            }
            if let Err(error) = write_json(out, &record) {
                failed = Some(error);
                return ControlFlow::Break(());
            }
            case.flow_count += 1;
            if case.flows.len() < SHOWN_MAX {
                case.flows.push(record);
            }
            ControlFlow::Continue(())
        })
        .map_err(Failure::from);
        failed.map_or(Ok(()), Err)
    })?;
    answer
}

/// The holds of the tape, if it is one; of a hold, which is a tape too, itself.
fn holds(source: &Source) -> Result<Value, Failure> {
    let Source::Tape(directory) = source else { return Ok(json!([])) };
    let around = directory.parent().filter(|folder| folder.file_name().is_some_and(|name| name == "held"));
    let name = directory.file_name().and_then(|name| name.to_str());
    let own = around.and_then(Path::parent).zip(name).and_then(|(tape, name)| tape::holds::hold(tape, name));
    let holds = tape::holds::holds(directory)?.holds;
    Ok(own.iter().chain(&holds).map(hold::to_json).collect())
}

/// What was asked, of what, when, by what, and what the answer could not see.
fn about(title: &str, arguments: &CaseExportArgs, names: &[String], query: &Query, covered: &Coverage) -> Value {
    json!({
        "title": title,
        "asked": arguments.question.expression.join(" "),
        "from": query.from.map(rfc3339),
        "to": query.to.map(rfc3339),
        "source": names,
        "written": rfc3339(now()),
        "by": concat!("wiretape ", env!("CARGO_PKG_VERSION")),
        "complete": covered.is_complete(),
        "not_covered": coverage::details(covered).iter().map(|line| line.trim().to_owned()).collect::<Vec<_>>(),
    })
}

fn asked_of(arguments: &CaseExportArgs) -> String {
    let words = arguments.question.expression.join(" ");
    if words.trim().is_empty() { "everything".to_owned() } else { words }
}

/// What the report is about, as it stands in its tables.
type Items<'a> = &'a [(Indicator, Item)];
