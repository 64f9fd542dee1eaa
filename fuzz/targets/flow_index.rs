#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| tape::index::fuzz_flow_index(data));
