//! Which SQL compares two relations, and what its answer means
