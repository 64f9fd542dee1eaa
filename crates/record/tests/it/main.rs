//! Recording from real interfaces, in network namespaces that each test makes and removes. They need root, `ip` and
//! `tcpreplay`.

mod changes;
mod exact;
mod filters;
mod frames;
mod keeper;
mod kernel_filters;
mod links;
mod many;
mod network;
mod onto_tape;
mod privileges;
mod recording;
