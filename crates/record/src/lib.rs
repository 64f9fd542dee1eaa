//! Recording: kernel rings, interfaces, and the loop that brings packets onto the tape.
