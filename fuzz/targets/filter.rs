#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| filter::fuzz_compile(data));
