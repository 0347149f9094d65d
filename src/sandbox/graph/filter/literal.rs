//! The constants of a filter, and how values compare with them.
use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::Value;

use crate::sandbox::ids;

#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    Null,
    Bool(bool),
    Number(f64),
    /// In quotes.
    Text(String),
    Guid(String),
    Time(Timestamp),
    /// `2024-01-01`: that day, or its beginning where a moment is asked for.
    Date(jiff::civil::Date),
    Duration(jiff::SignedDuration),
    /// `microsoft.graph.riskLevel'high'`.
    Member(String),
}

impl Literal {
    /// A word without quotes; what is no constant is the name of a property.
    pub fn of_word(word: &str) -> Option<Literal> {
        Some(match word {
            "null" => Literal::Null,
            "true" => Literal::Bool(true),
            "false" => Literal::Bool(false),
            _ if ids::is_guid(word) => Literal::Guid(word.to_ascii_lowercase()),
            _ if word.starts_with(|c: char| c.is_ascii_digit() || c == '-') => return number_or_time(word),
            _ => return None,
        })
    }

    /// A word right before a quoted text: `duration'P1D'`, an enum's name.
    pub fn of_typed(kind: &str, text: &str) -> Option<Literal> {
        match kind {
            "duration" => length(text).map(Literal::Duration),
            _ => kind.starts_with("microsoft.graph.").then(|| Literal::Member(text.to_owned())),
        }
    }

    /// The EDM type that it has, as errors name it.
    pub fn kind(&self) -> &'static str {
        match self {
            Literal::Null => "<null>",
            Literal::Bool(_) => "Edm.Boolean",
            Literal::Number(n) if n.fract() == 0.0 => "Edm.Int32",
            Literal::Number(_) => "Edm.Double",
            Literal::Text(_) => "Edm.String",
            Literal::Guid(_) => "Edm.Guid",
            Literal::Time(_) => "Edm.DateTimeOffset",
            Literal::Date(_) => "Edm.Date",
            Literal::Duration(_) => "Edm.Duration",
            Literal::Member(_) => "Edm.Enum",
        }
    }

    /// Whether a property of this EDM type or enum can be compared with it.
    pub fn fits(&self, kind: &str, is_enum: bool) -> bool {
        match self {
            Literal::Null => true,
            Literal::Bool(_) => kind == "Boolean",
            Literal::Number(_) => ["Int16", "Int32", "Int64", "Double"].contains(&kind),
            Literal::Text(_) => ["String", "TimeOfDay"].contains(&kind) || is_enum,
            Literal::Guid(_) => kind == "Guid",
            Literal::Time(_) => kind == "DateTimeOffset",
            Literal::Date(_) => ["DateTimeOffset", "Date"].contains(&kind),
            Literal::Duration(_) => kind == "Duration",
            Literal::Member(_) => is_enum,
        }
    }

    /// How a value stands to it. Entra compares text without regard to case.
    pub fn compare(&self, value: &Value) -> Option<Ordering> {
        let text = || value.as_str();
        match self {
            Literal::Null => value.is_null().then_some(Ordering::Equal),
            Literal::Bool(b) => value.as_bool().map(|v| v.cmp(b)),
            Literal::Number(n) => value.as_f64()?.partial_cmp(n),
            Literal::Text(t) | Literal::Guid(t) | Literal::Member(t) => {
                Some(text()?.to_lowercase().cmp(&t.to_lowercase()))
            }
            Literal::Time(t) => Some(text()?.parse::<Timestamp>().ok()?.cmp(t)),
            Literal::Date(day) => match text()?.parse::<Timestamp>() {
                Ok(at) => Some(at.cmp(&midnight(*day)?)),
                Err(_) => Some(text()?.parse::<jiff::civil::Date>().ok()?.cmp(day)),
            },
            Literal::Duration(length_of) => Some(length(text()?)?.cmp(length_of)),
        }
    }
}

fn midnight(day: jiff::civil::Date) -> Option<Timestamp> {
    day.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|z| z.timestamp())
}

/// `P1DT2H`.
fn length(text: &str) -> Option<jiff::SignedDuration> {
    text.parse::<jiff::Span>().ok()?.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok()
}

fn number_or_time(word: &str) -> Option<Literal> {
    if let Ok(n) = word.parse::<f64>() {
        return n.is_finite().then_some(Literal::Number(n));
    }
    if let Ok(day) = word.parse::<jiff::civil::Date>()
        && word.len() == 10
    {
        return Some(Literal::Date(day));
    }
    word.parse().ok().map(Literal::Time)
}
