//! The engine from outside.
//!
//! * `lanes`: what the scheduler promises, in simulated time

mod lanes;
mod simulation;
