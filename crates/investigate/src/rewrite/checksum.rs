//! Internet checksums that follow what they cover (RFC 1624).

/// A checksum: where it stands, and what it counts from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sum {
    /// Offset of its two bytes.
    pub(super) field: usize,
    /// Offset of the first byte that it covers.
    pub(super) start: usize,
    /// It is UDP's: zero is none.
    pub(super) is_optional: bool,
}

/// Bytes that are changed, and the checksums around the place where changes are made, the outermost first.
pub(super) struct Edit<'a> {
    pub(super) data: &'a mut [u8],
    pub(super) sums: Vec<Sum>,
}

impl Edit<'_> {
    /// Writes bytes, and brings the checksums around them up to date, `own` among them. Nothing happens beyond the end.
    pub(super) fn change(&mut self, at: usize, new: &[u8], own: &[Sum]) {
        let Some(place) = self.data.get_mut(at..at.saturating_add(new.len())) else { return };
        if place == new {
            return;
        }
        let old = place.to_vec();
        place.copy_from_slice(new);
        let outer = self.sums.len();
        for sum in own {
            self.update(*sum, at, &old, new, outer);
        }
        self.propagate(at, &old, new, outer);
    }

    /// The same for the first `depth` of the checksums around.
    fn propagate(&mut self, at: usize, old: &[u8], new: &[u8], depth: usize) {
        for index in (0..depth).rev() {
            if let Some(sum) = self.sums.get(index).copied() {
                self.update(sum, at, old, new, index);
            }
        }
    }

    /// Updates one checksum, and those around it for that.
    fn update(&mut self, sum: Sum, at: usize, old: &[u8], new: &[u8], depth: usize) {
        let Some(field) = self.data.get(sum.field..).and_then(<[u8]>::first_chunk::<2>).copied() else { return };
        let before = u16::from_be_bytes(field);
        if sum.is_optional && before == 0 {
            return;
        }
        let is_odd = at.abs_diff(sum.start) % 2 == 1;
        let mut after = updated(before, weigh(old, is_odd), weigh(new, is_odd));
        if sum.is_optional && after == 0 {
            after = 0xffff;
        }
        if let Some(place) = self.data.get_mut(sum.field..sum.field + 2) {
            place.copy_from_slice(&after.to_be_bytes());
        }
        self.propagate(sum.field, &field, &after.to_be_bytes(), depth);
    }
}

/// Equation 3 of RFC 1624, for any number of words: `HC' = ~(~HC + ~m + m')`.
fn updated(checksum: u16, old: u64, new: u64) -> u16 {
    let multiple = old.div_ceil(0xffff) * 0xffff;
    let mut sum = u64::from(!checksum) + new + (multiple - old);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// The sum of bytes as words, an odd last one filled up with zero.
pub(super) fn sum(bytes: &[u8]) -> u64 {
    weigh(bytes, false)
}

/// The sum of bytes as words.
fn weigh(bytes: &[u8], is_odd: bool) -> u64 {
    let weight = |place: usize| if (place % 2 == 1) == is_odd { 8 } else { 0 };
    bytes.iter().enumerate().map(|(place, byte)| u64::from(*byte) << weight(place)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_1624() {
        // Section 4: HC = 0xdd2f, m = 0x5555, m' = 0x3285 gives 0x0000.
        assert_eq!(updated(0xdd2f, 0x5555, 0x3285), 0x0000);
    }

    #[test]
    fn a_change_at_any_place_keeps_the_sum() {
        let whole = |data: &[u8]| {
            let mut sum = weigh(data, false);
            while sum > 0xffff {
                sum = (sum & 0xffff) + (sum >> 16);
            }
            sum
        };
        for at in 2..20 {
            let mut data: Vec<u8> = (0..24).map(|byte| byte * 7 + 1).collect();
            let before = whole(&data);
            let mut edit = Edit { data: &mut data, sums: vec![Sum { field: 0, start: 0, is_optional: false }] };
            edit.change(at, &[0xff, 0, 0x12], &[]);
            assert_eq!(whole(&data), before, "{at}");
        }
    }
}
