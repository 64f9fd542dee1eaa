#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| investigate::tcp::fuzz_tcp(data));
