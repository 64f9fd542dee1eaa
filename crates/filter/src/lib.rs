//! pcap-filter(7) compiled to classic BPF, the machine that runs it, and field predicates on top.
#![forbid(unsafe_code)]
