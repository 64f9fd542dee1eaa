//! The tape: lanes, segments, flow rows, ageing, recovery, the chain, and questions to all of them.
