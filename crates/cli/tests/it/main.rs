//! The binary as a user meets it: exit code, stdout and stderr of real commands in a sealed home.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod audit;
mod commands;
mod errors;
mod home;
mod layers;
mod reviews;
mod shop;
mod stores;
mod traces;
mod workers;
