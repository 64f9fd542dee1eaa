#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| investigate::protocols::fuzz_protocols(data));
