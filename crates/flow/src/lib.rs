//! Use cases: review a change, record it, score it
