#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| tape::format::fuzz_formats(data));
