#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| packet::capture::fuzz_reader(data));
