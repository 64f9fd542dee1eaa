//! Memory in huge pages: all unsafe code of this crate, behind a safe type.
#![expect(unsafe_code, reason = "only the system's own calls give memory in huge pages")]

use std::alloc::{Layout, handle_alloc_error};
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

/// A huge page of x86-64, and of aarch64 with base pages of 4 KiB.
const HUGE_PAGE_BYTES: usize = 2 << 20;

/// Half a huge page of zeros.
///
/// A frame that lies in one is filled without a miss of the processor's address cache for every few packets, and goes
/// to the disk as one piece instead of 256. Where the system has no huge pages it is ordinary memory.
#[derive(Debug)]
pub(crate) struct HalfPage {
    start: NonNull<u8>,
    /// Keeps the memory there.
    _page: Arc<HugePage>,
}

// SAFETY: the two halves of a page do not overlap, each has one owner, and `&mut self` guards what is handed out.
unsafe impl Send for HalfPage {}
// SAFETY: a shared half is only read.
unsafe impl Sync for HalfPage {}

impl HalfPage {
    /// Its length.
    pub(crate) const BYTES: usize = HUGE_PAGE_BYTES / 2;

    /// Both halves of a page.
    pub(crate) fn pair() -> [Self; 2] {
        let page = Arc::new(HugePage::new());
        [0, Self::BYTES].map(|offset| {
            // SAFETY: both offsets lie in the page.
            let start = unsafe { page.start.add(offset) };
            Self { start, _page: page.clone() }
        })
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the half lies in the page, which `_page` keeps mapped; it is initialized to zeros.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), Self::BYTES) }
    }

    #[inline]
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and nobody else has this half.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), Self::BYTES) }
    }
}

/// A mapping at a multiple of its length.
#[derive(Debug)]
struct HugePage {
    start: NonNull<u8>,
}

// SAFETY: it only keeps the mapping until it is dropped.
unsafe impl Send for HugePage {}
// SAFETY: as above.
unsafe impl Sync for HugePage {}

impl HugePage {
    fn new() -> Self {
        // Twice as much surely holds an aligned one.
        let start = map(2 * HUGE_PAGE_BYTES);
        let before = start.as_ptr().addr().wrapping_neg() % HUGE_PAGE_BYTES;
        // SAFETY: what is given back and what is kept lies in the mapping that was just made and that nobody uses yet.
        let start = unsafe {
            let aligned = start.add(before);
            unmap(start, before);
            unmap(aligned.add(HUGE_PAGE_BYTES), HUGE_PAGE_BYTES - before);
            // Refused, it costs speed alone.
            let _ = madvise(aligned.as_ptr().cast::<c_void>(), HUGE_PAGE_BYTES, Advice::LinuxHugepage);
            aligned
        };
        Self { start }
    }
}

impl Drop for HugePage {
    fn drop(&mut self) {
        // SAFETY: both halves are gone.
        unsafe { unmap(self.start, HUGE_PAGE_BYTES) };
    }
}

/// New memory; without any the process ends, as with every other allocation.
fn map(bytes: usize) -> NonNull<u8> {
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new private mapping at an address of the kernel's choice.
    let start = unsafe { mmap_anonymous(std::ptr::null_mut(), bytes, protection, MapFlags::PRIVATE) };
    let start = start.ok().and_then(|start| NonNull::new(start.cast::<u8>()));
    start.unwrap_or_else(|| handle_alloc_error(Layout::new::<[u8; HUGE_PAGE_BYTES]>()))
}

/// # Safety
/// The range belongs to a mapping of this module, and nobody uses it any more.
unsafe fn unmap(start: NonNull<u8>, bytes: usize) {
    if bytes > 0 {
        // SAFETY: what the caller promises. A failure leaves it mapped.
        let _ = unsafe { munmap(start.as_ptr().cast::<c_void>(), bytes) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_aligned_zeros_that_outlive_each_other() {
        let [mut first, mut second] = HalfPage::pair();
        assert!(first.bytes().as_ptr().addr().is_multiple_of(HUGE_PAGE_BYTES));
        assert_eq!(second.bytes().as_ptr().addr(), first.bytes().as_ptr().addr() + HalfPage::BYTES);
        assert!(first.bytes().iter().chain(second.bytes()).all(|byte| *byte == 0));
        first.bytes_mut().fill(1);
        drop(first);
        assert!(second.bytes().iter().all(|byte| *byte == 0));
        second.bytes_mut().fill(2);
        assert!(second.bytes().iter().all(|byte| *byte == 2));
    }
}
