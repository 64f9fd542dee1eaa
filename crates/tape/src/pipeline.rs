//! The way of frames from the one who fills them to the one who writes them, with the compressing in between.
//!
//! One queue in order. Workers turn frames in it into compressed ones where they stand; the writer takes from its
//! front only. When compressing falls behind it steps aside, and the writer takes frames as they are.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::Lane;
use crate::aside::Aside;
use crate::frame::{FrameBuffer, Summary};
use crate::job::Job;

/// Most frames that are written together.
const RUN_FRAMES_MAX: usize = 4;
/// How long a frame waits for others, when none is compressed any more.
const COMPANY_WAIT_MAX: Duration = Duration::from_millis(4);
/// Buffers that are kept when nothing happens.
const IDLE_BUFFERS: usize = 6;

/// A frame that is full, or closed for another reason.
#[derive(Debug)]
pub(crate) struct FullFrame {
    pub(crate) lane: Lane,
    /// The caller's name for it.
    pub(crate) serial: u32,
    pub(crate) buffer: FrameBuffer,
}

/// A frame that has been compressed.
#[derive(Debug)]
pub(crate) struct PackedFrame {
    pub(crate) lane: Lane,
    pub(crate) serial: u32,
    pub(crate) summary: Summary,
    pub(crate) content_bytes: u32,
    pub(crate) bytes: Vec<u8>,
}

/// What the writer gets.
pub(crate) enum Next {
    /// Frames of one lane that follow each other.
    Full(Vec<FullFrame>),
    Packed(PackedFrame),
    Job(Job),
}

enum Slot {
    Full(FullFrame),
    Taken,
    Packed(PackedFrame),
    Job(Job),
}

/// The queue, and the buffers that go round.
pub(crate) struct Pipeline {
    state: Mutex<State>,
    /// For workers: there is a frame to compress.
    work: Condvar,
    /// For the writer: the front may be ready.
    ready: Condvar,
    /// For the caller: a buffer came back.
    returned: Condvar,
    buffers_max: usize,
    packed_max: usize,
    workers: usize,
}

struct State {
    slots: VecDeque<Slot>,
    /// Number of the first slot; slots are numbered on.
    front: u64,
    /// No full frame is before this number.
    first_full: u64,
    frames: usize,
    buffers: Vec<FrameBuffer>,
    buffers_made: usize,
    packed: Vec<Vec<u8>>,
    packed_out: usize,
    /// There are workers that compress.
    compressing: bool,
    aside: Aside,
    /// A copy of a frame's content, for a trial of whether compressing would keep up again.
    sample: Option<Vec<u8>>,
    closed: bool,
}

impl Pipeline {
    pub(crate) fn new(buffers_max: usize, workers: usize, steps_aside: bool) -> Self {
        let state = State {
            slots: VecDeque::with_capacity(256),
            front: 0,
            first_full: 0,
            frames: 0,
            buffers: Vec::new(),
            buffers_made: 0,
            packed: Vec::new(),
            packed_out: 0,
            compressing: workers > 0,
            aside: Aside::new(steps_aside),
            sample: None,
            closed: false,
        };
        Self {
            state: Mutex::new(state),
            work: Condvar::new(),
            ready: Condvar::new(),
            returned: Condvar::new(),
            buffers_max,
            packed_max: workers + 4,
            workers,
        }
    }

    /// An empty buffer; waits so long for one to come back.
    pub(crate) fn buffer(&self, wait_max: Duration) -> Option<FrameBuffer> {
        let mut state = self.lock();
        let mut deadline = None;
        loop {
            if let Some(buffer) = state.buffers.pop() {
                return Some(buffer);
            }
            if state.buffers_made < self.buffers_max {
                state.buffers_made += 2;
                let [buffer, spare] = FrameBuffer::pair();
                state.buffers.push(spare);
                return Some(buffer);
            }
            let deadline = *deadline.get_or_insert_with(|| Instant::now() + wait_max);
            let left = deadline.checked_duration_since(Instant::now())?;
            state = self.returned.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Takes buffers back.
    pub(crate) fn give_back(&self, buffers: impl IntoIterator<Item = FrameBuffer>) {
        self.lock().buffers.extend(buffers);
        self.returned.notify_one();
    }

    /// Takes the memory of a compressed frame back.
    pub(crate) fn give_back_packed(&self, bytes: Vec<u8>) {
        let mut state = self.lock();
        state.packed.push(bytes);
        state.packed_out -= 1;
        drop(state);
        self.work.notify_one();
    }

    /// Lets go of buffers that nobody needed.
    pub(crate) fn shrink(&self) {
        let mut state = self.lock();
        let spare = state.buffers.len().saturating_sub(IDLE_BUFFERS);
        let keep = state.buffers.len() - spare.div_ceil(4);
        state.buffers_made -= state.buffers.len() - keep;
        state.buffers.truncate(keep);
        if state.frames == 0 && state.packed.len() > 1 {
            state.packed.pop();
        }
    }

    /// Hands a frame over.
    pub(crate) fn push_frame(&self, frame: FullFrame) {
        let mut state = self.lock();
        let waiting = state.frames;
        if state.aside.is() && state.aside.take_note(waiting, self.buffers_max) {
            if self.workers == 0 {
                state.aside.tried(Duration::ZERO, 1);
            } else {
                state.sample = Some(frame.buffer.content_from(0).collect::<Vec<_>>().concat());
                self.work.notify_one();
            }
        }
        state.slots.push_back(Slot::Full(frame));
        state.frames += 1;
        let (frames, compressing) = (state.frames, state.compressing);
        state.aside.judge(frames, self.buffers_max);
        let is_aside = state.aside.is();
        let waiting = state.slots.len();
        drop(state);
        if compressing && !is_aside {
            self.work.notify_one();
        } else if waiting == 1 || waiting >= RUN_FRAMES_MAX {
            // Of those between, the writer waits for the others.
            self.ready.notify_one();
        }
    }

    /// Hands a job over, behind the frames that were handed over before.
    pub(crate) fn push(&self, job: Job) {
        self.lock().slots.push_back(Slot::Job(job));
        self.ready.notify_one();
    }

    /// What is at the front, if it is ready; waits for it at most so long.
    pub(crate) fn next(&self, wait_max: Option<Duration>) -> Option<Next> {
        let mut state = self.lock();
        let mut has_waited = false;
        loop {
            let takes_full = !state.compressing || state.aside.is();
            let is_ready = match state.slots.front() {
                Some(Slot::Full(_)) => takes_full,
                Some(Slot::Packed(_) | Slot::Job(_)) => true,
                Some(Slot::Taken) | None => false,
            };
            let waits_for_company = !has_waited && wait_max.is_some() && state.waits_for_company();
            if is_ready && !waits_for_company {
                return state.pop();
            }
            let at_most = if is_ready { COMPANY_WAIT_MAX } else { wait_max? };
            let (woken, result) = self.ready.wait_timeout(state, at_most).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            if result.timed_out() && !is_ready {
                return None;
            }
            has_waited |= result.timed_out();
        }
    }

    /// For a worker: compresses one frame with `compress`; false if there will be none any more.
    pub(crate) fn work(&self, compress: &mut dyn FnMut(&[u8], &mut Vec<u8>)) -> bool {
        let mut state = self.lock();
        let (number, mut frame, mut bytes) = loop {
            if state.closed {
                return false;
            }
            if let Some(sample) = state.sample.take() {
                drop(state);
                let begun = Instant::now();
                compress(&sample, &mut Vec::new());
                state = self.lock();
                state.aside.tried(begun.elapsed(), self.workers);
                continue;
            }
            if !state.aside.is()
                && state.packed_out < self.packed_max
                && let Some((number, frame)) = state.take_full()
            {
                state.packed_out += 1;
                let bytes = state.packed.pop().unwrap_or_default();
                break (number, frame, bytes);
            }
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        drop(state);
        let content = frame.buffer.contiguous();
        let content_bytes = content.len() as u32;
        compress(content, &mut bytes);
        let FullFrame { lane, serial, buffer } = frame;
        let packed = PackedFrame { lane, serial, summary: buffer.summary, content_bytes, bytes };
        let mut state = self.lock();
        let front = state.front;
        if let Some(slot) = state.slots.get_mut((number - front) as usize) {
            *slot = Slot::Packed(packed);
        }
        state.buffers.push(buffer);
        drop(state);
        self.returned.notify_one();
        if number == front {
            self.ready.notify_one();
        }
        true
    }

    /// Sends the workers home.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.work.notify_all();
    }

    /// True while compressing steps aside.
    pub(crate) fn is_aside(&self) -> bool {
        self.lock().aside.is()
    }

    /// Asks for compressing to step aside, because packets are lost before they come here.
    pub(crate) fn hurry(&self, hurried: bool) {
        let mut state = self.lock();
        state.aside.hurry(hurried);
        let frames = state.frames;
        state.aside.judge(frames, self.buffers_max);
        drop(state);
        self.ready.notify_one();
    }

    /// How much of the memory is on its way to the disk, from 0 to 1.
    pub(crate) fn pressure(&self) -> f32 {
        let state = self.lock();
        (state.buffers_made - state.buffers.len()) as f32 / self.buffers_max as f32
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn pop(&mut self) -> Option<Next> {
        let slot = self.slots.pop_front()?;
        self.front += 1;
        let next = match slot {
            Slot::Full(frame) => {
                let mut frames = vec![frame];
                while frames.len() < RUN_FRAMES_MAX
                    && self.slots.front().is_some_and(|slot| slot.is_full_of(frames[0].lane))
                    && let Some(Slot::Full(next)) = self.slots.pop_front()
                {
                    frames.push(next);
                }
                self.frames -= frames.len();
                self.front += frames.len() as u64 - 1;
                Next::Full(frames)
            }
            Slot::Packed(frame) => {
                self.frames -= 1;
                Next::Packed(frame)
            }
            Slot::Job(job) => Next::Job(job),
            Slot::Taken => unreachable!("a frame that is being compressed is not ready"),
        };
        self.first_full = self.first_full.max(self.front);
        Some(next)
    }

    /// True if the frame at the front may be joined by others before anybody misses it.
    fn waits_for_company(&self) -> bool {
        let is_frame = matches!(self.slots.front(), Some(Slot::Full(_)));
        is_frame && self.aside.is() && self.slots.len() < RUN_FRAMES_MAX && self.frames == self.slots.len()
    }

    fn take_full(&mut self) -> Option<(u64, FullFrame)> {
        let start = (self.first_full - self.front) as usize;
        for index in start..self.slots.len() {
            let number = self.front + index as u64;
            self.first_full = number;
            if let Some(slot @ Slot::Full(_)) = self.slots.get_mut(index)
                && let Slot::Full(frame) = std::mem::replace(slot, Slot::Taken)
            {
                self.first_full = number + 1;
                return Some((number, frame));
            }
        }
        None
    }
}

impl Slot {
    fn is_full_of(&self, lane: Lane) -> bool {
        matches!(self, Self::Full(frame) if frame.lane == lane)
    }
}
