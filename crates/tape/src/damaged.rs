//! What cannot be read is set aside, never deleted.

use std::io;
use std::path::{Path, PathBuf};

use crate::Lane;
use crate::ageing::KeptFile;
use crate::budget::Account;
use crate::catalog;
use crate::disk::{Disk, DiskFile, read_full_at, whole_blocks, write_all_at, write_new};
use crate::format::catalog::FrameRecord;
use crate::format::names;
use crate::shared::Shared;
use crate::writer::measured;

/// Leaves the good frames of a segment and sets the bytes behind them aside; the whole file if there is no good packet.
/// Returns what is left of it.
pub(crate) fn cut(shared: &Shared, lane: Lane, number: u64, kept: KeptFile, good: &[FrameRecord]) -> Option<KeptFile> {
    let place = kept.path.display().to_string();
    let catalog = names::catalog_path(lane, number);
    let disk = shared.disk.as_ref();
    if good.iter().all(|record| record.packets == 0) {
        let _ = disk.remove(&catalog);
        match set_aside_whole(shared, lane, &kept.path) {
            Ok(to) => shared.problem(&place, format!("nothing in it can be trusted; it is {} now", to.display())),
            Err(error) => shared.problem(&place, format!("nothing in it can be trusted; it cannot be moved: {error}")),
        }
        return None;
    }
    let good_end = good.last().map_or(0, FrameRecord::cend);
    if let Err(error) = cut_file(shared, lane, number, &kept.path, good_end) {
        shared.problem(&place, format!("cannot be cut back to its good part: {error}"));
    }
    if let Err(error) = catalog::rewrite(disk, lane, number, good) {
        shared.problem(&catalog.display().to_string(), error.to_string());
    }
    let bytes = measured(disk, &kept.path) + measured(disk, &catalog);
    let with_packets = || good.iter().filter(|record| record.packets > 0);
    let first_time = with_packets().map(|record| record.first_time).min().unwrap_or(kept.first_time);
    let last_time = with_packets().map(|record| record.last_time).max().unwrap_or(kept.last_time);
    Some(KeptFile { path: kept.path, catalog: Some(catalog), bytes, first_time, last_time })
}

/// Moves the bytes behind `good_end` to damaged/ and says how many there were.
pub(crate) fn cut_file(shared: &Shared, lane: Lane, number: u64, path: &Path, good_end: u64) -> io::Result<u64> {
    let file = shared.disk.open(path)?;
    let length = file.status()?.length;
    if length <= good_end {
        return Ok(0);
    }
    let bytes = whole_blocks(length - good_end);
    let copied = shared.room.add(Account::Damaged, bytes).map_err(|_| io::Error::from(io::ErrorKind::StorageFull));
    let copied = copied.and_then(|()| copy_rest(shared, file.as_ref(), lane, number, good_end));
    if let Err(error) = copied {
        shared.problem(&path.display().to_string(), format!("its damaged part cannot be set aside: {error}"));
    }
    file.set_length(good_end)?;
    file.sync_data()?;
    Ok(length - good_end)
}

/// Moves a whole file to damaged/ and says where it is.
pub(crate) fn set_aside_whole(shared: &Shared, lane: Lane, path: &Path) -> io::Result<PathBuf> {
    let disk = shared.disk.as_ref();
    disk.create_directory(Path::new(names::DAMAGED))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let to = free_name(disk, &format!("{}-{name}", lane.name()))?;
    let bytes = measured(disk, path);
    disk.rename(path, &to)?;
    shared.room.note(Account::Damaged, shared.room.of(Account::Damaged) + bytes);
    disk.sync_directory(Path::new(names::DAMAGED))?;
    Ok(to)
}

/// Keeps bytes that were cut off a file.
pub(crate) fn keep(shared: &Shared, name: &str, bytes: &[u8]) {
    let disk = shared.disk.as_ref();
    let room = shared.room.add(Account::Damaged, whole_blocks(bytes.len() as u64));
    let kept = room.map_err(|_| io::Error::from(io::ErrorKind::StorageFull)).and_then(|()| {
        disk.create_directory(Path::new(names::DAMAGED))?;
        write_new(disk, &free_name(disk, name)?, &[bytes])
    });
    if let Err(error) = kept {
        shared.problem(name, format!("its damaged part cannot be set aside: {error}"));
    }
}

fn copy_rest(shared: &Shared, from: &dyn DiskFile, lane: Lane, number: u64, start: u64) -> io::Result<()> {
    let disk = shared.disk.as_ref();
    disk.create_directory(Path::new(names::DAMAGED))?;
    let to = disk.create(&free_name(disk, &format!("{}-{number:08}-{start}", lane.name()))?)?;
    let mut piece = vec![0; 1 << 20];
    let mut copied = 0;
    loop {
        // What cannot be read is not there to be copied.
        let read = read_full_at(from, &mut piece, start + copied).unwrap_or(0);
        if read == 0 {
            break;
        }
        write_all_at(to.as_ref(), piece.get(..read).unwrap_or_default(), copied)?;
        copied += read as u64;
    }
    to.sync_data()?;
    disk.sync_directory(Path::new(names::DAMAGED))
}

/// A name in damaged/ that nothing has yet.
fn free_name(disk: &dyn Disk, name: &str) -> io::Result<PathBuf> {
    let numbered = |n: u32| match n {
        0 => Path::new(names::DAMAGED).join(name),
        n => Path::new(names::DAMAGED).join(format!("{name}.{n}")),
    };
    (0..10_000).map(numbered).find(|path| disk.status(path).is_err()).ok_or_else(|| io::ErrorKind::AlreadyExists.into())
}
