//! The autonomy ladder: how much authority a worker has, not how capable it is.

use std::fmt;
use std::str::FromStr;

/// L0 assisted to L5 none routinely reviewed. The lowest of all ceilings binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    L0,
    L1,
    L2,
    L3,
    L4,
    L5,
}

impl Level {
    pub const ALL: [Self; 6] = [Self::L0, Self::L1, Self::L2, Self::L3, Self::L4, Self::L5];

    pub const fn number(self) -> i64 {
        self as i64
    }

    pub const fn title(self) -> &'static str {
        match self {
            Self::L0 => "assisted",
            Self::L1 => "guided",
            Self::L2 => "supervised",
            Self::L3 => "conditional",
            Self::L4 => "high autonomy",
            Self::L5 => "not routinely reviewed",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "L{}", self.number())
    }
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not an autonomy level")]
pub struct NotALevel(pub String);

impl FromStr for Level {
    type Err = NotALevel;

    fn from_str(text: &str) -> Result<Self, NotALevel> {
        let named = |level: &&Self| level.to_string().eq_ignore_ascii_case(text);
        Self::ALL.iter().find(named).copied().ok_or_else(|| NotALevel(text.to_owned()))
    }
}
