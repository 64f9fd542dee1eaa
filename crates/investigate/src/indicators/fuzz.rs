//! Reads any bytes as a list of indicators.

use super::{Search, Watchlist, read};

/// Reads any bytes as a list of indicators, and looks for each of them.
pub fn fuzz_indicators(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let read = read(&text);
    for listed in &read.indicators {
        let again = super::Indicator::new(listed.indicator.kind, &listed.indicator.value);
        assert_eq!(again.as_ref(), Some(&listed.indicator), "an indicator is in the form in which it is compared");
    }
    let list = Watchlist::new(read.indicators);
    for listed in list.listed() {
        assert!(list.covers(&listed.indicator), "{listed:?} is found again");
    }
    let _ = Search::new(&list);
}
