//! What a type is, whatever its engine calls it.

/// The kinds of types that are compared, hashed and shown in different ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Integer,
    /// An exact number with digits behind the point; the declared digits and scale, where they are
    /// known.
    Decimal {
        digits: Option<u16>,
        scale: Option<u16>,
    },
    /// Single precision holds some seven digits, double some sixteen.
    Float {
        single: bool,
    },
    Boolean,
    Text,
    Uuid,
    Binary,
    Date,
    Time,
    /// A moment without a zone: compared as if it were in UTC.
    Timestamp,
    /// A moment.
    TimestampTz,
    Interval,
    Json,
    /// A list of values of one type.
    Array,
    /// Structs, maps, geometries, types of the user's own: compared as the engine compares them.
    Other,
}

impl Kind {
    pub const fn is_numeric(self) -> bool {
        matches!(self, Self::Integer | Self::Decimal { .. } | Self::Float { .. })
    }

    pub(crate) const fn is_single(self) -> bool {
        matches!(self, Self::Float { single: true })
    }

    pub const fn is_float(self) -> bool {
        matches!(self, Self::Float { .. })
    }

    /// A point in time, of whatever grain.
    pub const fn is_moment(self) -> bool {
        matches!(self, Self::Date | Self::Timestamp | Self::TimestampTz)
    }

    /// Bytes that a value takes, roughly: what a budget in bytes is reckoned with.
    pub const fn width(self) -> u64 {
        match self {
            Self::Boolean => 1,
            Self::Date => 4,
            Self::Integer
            | Self::Float { .. }
            | Self::Time
            | Self::Timestamp
            | Self::TimestampTz => 8,
            Self::Decimal { .. } | Self::Uuid | Self::Interval => 16,
            Self::Text | Self::Binary => 24,
            Self::Json | Self::Array | Self::Other => 64,
        }
    }
}

/// `DECIMAL(18,2)` is `("DECIMAL", [18, 2])`; `DECIMAL(18,2)[]` and `ENUM('a(1)')` are nothing but
/// their names.
pub(crate) fn parameters(data_type: &str) -> (String, Vec<u16>) {
    let bare = || (data_type.trim().to_uppercase(), Vec::new());
    // `timestamp(3) without time zone` has its digits in the middle.
    let Some((name, rest)) = data_type.split_once('(') else { return bare() };
    let Some((inside, after)) = rest.split_once(')') else { return bare() };
    let Ok(numbers) = inside.split(',').map(|part| part.trim().parse()).collect() else {
        return bare();
    };
    if !after.is_empty() && !after.starts_with(' ') {
        return bare();
    }
    (format!("{}{after}", name.trim()).to_uppercase(), numbers)
}
