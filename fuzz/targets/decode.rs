#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| packet::decode::fuzz_decode(data));
