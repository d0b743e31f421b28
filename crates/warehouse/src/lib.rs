//! Sessions with a warehouse, each on a thread of its own
