//! The binary as a user meets it: exit code, stdout and stderr of real commands in a sealed home.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod approvals;
mod audit;
mod bench;
mod commands;
mod durable;
mod errors;
mod evaluators;
mod git_host;
mod home;
mod ladder;
mod layers;
mod pipeline;
mod lineage;
mod policies;
mod postgres;
mod publish;
mod reviews;
mod secrets;
mod shop;
mod sql;
mod sparing;
mod stores;
mod summaries;
mod team;
mod traces;
mod vouching;
mod way_back;
mod workers;
