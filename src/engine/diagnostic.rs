//! What is wrong, where it stands, and what to do about it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A place in the input.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct Place {
    pub file: String,
    /// From 1.
    pub line: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Error,
    Warning,
}

/// How far an error reaches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub enum Reach {
    /// Nothing of this run is written: the input or the identity is at fault.
    #[default]
    Run,
    /// Only this object and what depends on it stands still.
    Object,
}

/// An error or a warning, in the shape of the plan's JSON.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Diagnostic {
    pub severity: Severity,
    pub address: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    pub summary: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Microsoft's code or our own reason.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub code: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub remedy: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    #[serde(skip)]
    pub reach: Reach,
    /// The field that is at fault, for whoever knows where it stands: `spec.permissions.add[0].application[1]`.
    #[serde(skip)]
    pub path: String,
    /// It passes then and not before, as the server says.
    #[serde(skip)]
    pub after: Option<Timestamp>,
}

impl Diagnostic {
    /// An error that stops the run before its first write.
    pub fn error(address: impl Into<String>, summary: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            address: address.into(),
            file: None,
            line: None,
            summary: summary.into(),
            detail: String::new(),
            code: String::new(),
            remedy: String::new(),
            request_id: None,
            reach: Reach::Run,
            path: String::new(),
            after: None,
        }
    }

    pub fn warning(address: impl Into<String>, summary: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(address, summary) }
    }

    pub fn detail(mut self, detail: impl Into<String>) -> Diagnostic {
        self.detail = detail.into();
        self
    }

    pub fn code(mut self, code: impl Into<String>) -> Diagnostic {
        self.code = code.into();
        self
    }

    pub fn remedy(mut self, remedy: impl Into<String>) -> Diagnostic {
        self.remedy = remedy.into();
        self
    }

    pub fn at(mut self, place: Option<&Place>) -> Diagnostic {
        // What comes from a cluster stands in no file.
        if let Some(place) = place.filter(|place| !place.file.is_empty()) {
            self.file = Some(place.file.clone());
            self.line = Some(place.line);
        }
        self
    }

    /// The field that is at fault.
    pub fn path(mut self, path: impl Into<String>) -> Diagnostic {
        self.path = path.into();
        self
    }

    /// The object it is about: the address up to what is managed of it.
    pub fn object(&self) -> &str {
        self.address.split(':').next().unwrap_or_default()
    }

    /// The error stops its own object only.
    pub fn of_object(mut self) -> Diagnostic {
        self.reach = Reach::Object;
        self
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}
