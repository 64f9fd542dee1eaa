#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| tape::rows::fuzz_flow_file(data));
