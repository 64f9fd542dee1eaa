#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| investigate::indicators::fuzz_indicators(data));
