//! placeholder
/// To come.
#[derive(Debug)]
pub struct Across;
