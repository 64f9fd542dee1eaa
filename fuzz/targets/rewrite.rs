#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| investigate::rewrite::fuzz_rewrite(data));
