//! `wiretape record`, and tcpdump's spelling of it.

mod greeting;
mod handover;
mod minute;
mod plan;
mod policies;
mod privileges;
mod signals;
mod volume;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use record::{Control, Recorder};
use tape::{SalvageReport, Tape};

pub(super) use plan::{capture_options, file_system_bytes, keep_options};
pub(super) use privileges::{become_user, find_user};
pub(super) use signals::{obey, print_counters};

use super::packet_filter;
use crate::args::{RecordArgs, expression};
use crate::errors::{Exit, Failure};
use crate::keeper::TapeKeeper;
use crate::output::coverage::thousands;
use crate::settings::{self, Settings};
use crate::tcpdump::Rotation;
use crate::terminal;
use crate::units::size_text;

/// Records as Wiretape's own flags say.
pub(crate) fn run(arguments: RecordArgs) -> Result<Exit, Failure> {
    let flags = Settings { filter: expression(&arguments.expression), ..arguments.settings };
    record(flags, arguments.config.as_deref(), Rotation::default(), &[])
}

/// Records as tcpdump's flags say.
pub(crate) fn run_as_tcpdump(settings: Settings, rotation: Rotation, old_files: &[PathBuf]) -> Result<Exit, Failure> {
    let folder = settings.tape.as_deref().and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        // As tcpdump: a mistyped place is an error, and not a new folder.
        std::fs::metadata(folder)
            .map_err(|error| Failure::system(format!("cannot record into {}", folder.display()), &error))?;
    }
    record(settings, None, rotation, old_files)
}

fn record(flags: Settings, config: Option<&Path>, rotation: Rotation, old_files: &[PathBuf]) -> Result<Exit, Failure> {
    let settings = settings::layered(flags, settings::environment(), config)?;
    settings.filter.as_deref().map(packet_filter::look_at).transpose()?;
    let user = settings.user.as_deref().map(find_user).transpose()?;
    let plan = plan::settle(settings, rotation)?;
    let recorder = Recorder::open(plan.capture.clone())?;
    if let Some(identity) = user {
        handover::hand_over(&plan.tape, identity)
            .map_err(|error| Failure::system(format!("cannot hand {} over", plan.tape.display()), &error))?;
        become_user(identity)?;
    }
    // Before the tape: taking up what a crash left can take a while, and a signal then must not be another crash.
    let control = Arc::new(Control::new().map_err(|error| Failure::system("cannot start", &error))?);
    obey(&control)?;
    let opened = Tape::open(&plan.tape, plan.keep.clone())?;
    greeting::greet(&plan, &recorder, old_files);
    tell_salvage(&opened.report);
    minute::watch(&control);
    let ran = recorder.run(TapeKeeper::new(opened.tape, &plan.tape), opened.table, &control);
    control.stop();
    let (keeper, mut table, counters) = ran?;
    keeper.close(&mut table);
    print_counters(&counters);
    Ok(Exit::Done)
}

/// What a crash left, and what became of it.
fn tell_salvage(report: &SalvageReport) {
    if report.is_new || report.was_clean {
        return;
    }
    let saved = thousands(report.packets_from_journals + report.packets_found);
    terminal::notice(format_args!(
        "the recorder before did not stop cleanly: {saved} packets were taken up from what it left"
    ));
    if report.bytes_damaged > 0 {
        let bytes = size_text(report.bytes_damaged);
        terminal::warning(format_args!("{bytes} could not be read and were set aside in damaged/"));
    }
}
