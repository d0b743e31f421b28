//! A whole record, built by hand, and what becomes of it when something is changed.

mod approvals;
mod build;
mod checks;
mod suites;
mod trace;
