//! Approvals against people who cheat.
