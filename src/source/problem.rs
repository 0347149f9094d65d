//! What is wrong, where, and what to do about it.

use std::sync::Arc;

use super::node::Span;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing can go on.
    Error,
    /// It works, but is probably not meant so.
    Warning,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

/// The line that a problem is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The line, without what could be a secret and without control characters.
    pub text: String,
    /// Character at which the marked part begins, from 0.
    pub start: usize,
    /// Number of characters that are marked, at least 1.
    pub length: usize,
}

/// A place in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file as it was named, `-` for standard input, empty if there is none.
    pub file: Arc<str>,
    /// Line, from 1; 0 if the whole file is meant.
    pub line: u32,
    /// Column, from 1, in characters; 0 if the whole line is meant.
    pub column: u32,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.line, self.column) {
            (0, _) => write!(f, "{}", self.file),
            (line, 0) => write!(f, "{}:{line}", self.file),
            (line, column) => write!(f, "{}:{line}:{column}", self.file),
        }
    }
}

/// Something that is wrong with the inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// Where it is.
    pub place: Place,
    /// The field, for example `spec.grants[0].roles`; empty if none is meant.
    pub path: String,
    /// The object, for example `Tenant/contoso`; empty if none is meant or known.
    pub address: String,
    /// The word for it, where it is another than `InvalidSpec`.
    pub code: String,
    /// What is wrong, in one line.
    pub summary: String,
    /// More about it; may be empty.
    pub detail: String,
    /// What to do about it; may be empty.
    pub remedy: String,
    /// The line it is about, if there is one that may be shown.
    pub excerpt: Option<Excerpt>,
}

impl Problem {
    /// A problem without a place.
    pub fn new(severity: Severity, summary: impl Into<String>) -> Self {
        Problem {
            severity,
            place: Place::default(),
            path: String::new(),
            address: String::new(),
            code: String::new(),
            summary: summary.into(),
            detail: String::new(),
            remedy: String::new(),
            excerpt: None,
        }
    }

    /// An error without a place.
    pub fn error(summary: impl Into<String>) -> Self {
        Problem::new(Severity::Error, summary)
    }

    /// Says more about it.
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Says what to do about it.
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    /// Names the field.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Names the object.
    pub fn address(mut self, address: impl Into<String>) -> Self {
        self.address = address.into();
        self
    }

    /// Names the file as a whole.
    pub fn file(mut self, file: &Arc<str>) -> Self {
        self.place = Place { file: file.clone(), line: 0, column: 0 };
        self
    }

    /// Names the place, and shows its line. What the file says is then text and nothing else: no control character of it
    /// reaches a terminal.
    pub(super) fn at(mut self, text: &Text, span: Span) -> Self {
        for words in [&mut self.summary, &mut self.detail, &mut self.remedy, &mut self.path, &mut self.address] {
            if words.contains(char::is_control) {
                *words = words.replace(char::is_control, " ");
            }
        }
        self.place = Place { file: text.name.clone(), line: span.line, column: span.column };
        self.excerpt = text.excerpt(span);
        self
    }
}

/// A text that was read, and the name it goes by.
#[derive(Debug)]
pub(super) struct Text {
    pub name: Arc<str>,
    pub text: String,
    /// Whether the text may hold secrets, so that no line of it is shown.
    pub confidential: bool,
    /// Byte offsets at which the lines begin.
    lines: Vec<usize>,
}

/// Longest part of a line that an excerpt shows.
const WIDTH: usize = 140;

impl Text {
    pub fn new(name: &str, text: String) -> Self {
        let confidential = text.lines().any(|line| {
            let line: String = line.chars().filter(|c| !c.is_whitespace() && *c != '"' && *c != '\'').collect();
            line.contains("kind:Secret")
        });
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Text { name: name.into(), text, confidential, lines }
    }

    pub fn line(&self, line: u32) -> Option<&str> {
        let index = (line as usize).checked_sub(1)?;
        let start = *self.lines.get(index)?;
        let end = self.lines.get(index + 1).copied().unwrap_or(self.text.len());
        Some(self.text.get(start..end)?.trim_end_matches(['\n', '\r']))
    }

    fn excerpt(&self, span: Span) -> Option<Excerpt> {
        if self.confidential {
            return None;
        }
        let line = self.line(span.line)?;
        let shown: Vec<char> = mask(line).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let start = (span.column.saturating_sub(1) as usize).min(shown.len());
        let end = if span.end_line > span.line { shown.len() } else { span.end_column.saturating_sub(1) as usize };
        let length = end.min(shown.len()).saturating_sub(start).max(1);
        let from = if shown.len() > WIDTH && start > WIDTH / 2 { start - WIDTH / 2 } else { 0 };
        let text: String = shown.iter().skip(from).take(WIDTH).collect();
        let text = text.trim_end().to_string();
        Some(Excerpt { text, start: start - from, length: length.min(WIDTH - (start - from).min(WIDTH - 1)) })
    }
}

/// Stars in place of what stands where somebody may have pasted a secret: a plain value of a field whose name ends in `secret`,
/// `password`, `token`, `certificate`, `key` or `value`. Columns stay as they are.
fn mask(line: &str) -> String {
    const NAMES: [&str; 7] = ["secret", "password", "token", "certificate", "passphrase", "privatekey", "value"];
    let mut shown: Vec<char> = line.chars().collect();
    for (at, _) in line.char_indices().filter(|(_, c)| *c == ':') {
        let name = line[..at].trim_end_matches(['"', '\'', ' ']).to_ascii_lowercase();
        if !NAMES.iter().any(|ending| name.ends_with(ending)) {
            continue;
        }
        let rest = &line[at + 1..];
        let value = rest.trim_start();
        if value.is_empty() || value.starts_with(['{', '[', '#', '|', '>', '&', '*']) {
            continue;
        }
        let start = line[..line.len() - value.len()].chars().count();
        let end = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => value[1..].find(quote).map_or(value.len(), |end| end + 2),
            _ => value.find([',', '}']).unwrap_or(value.len()),
        };
        let length = value[..end].trim_end().chars().count();
        for c in shown.iter_mut().skip(start).take(length) {
            *c = '*';
        }
    }
    shown.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_secret_is_not_shown() {
        for (line, want) in [
            ("    clientSecret: hunter2", "    clientSecret: *******"),
            (
                "    clientSecret: { secretRef: { name: a, key: b } }",
                "    clientSecret: { secretRef: { name: a, key: b } }",
            ),
            (
                "credential: { type: ClientSecret, clientSecret: \"a b\", x: y }",
                "credential: { type: ClientSecret, clientSecret: *****, x: y }",
            ),
            ("  refreshToken: 0.AXoA", "  refreshToken: ******"),
            ("  displayName: Contoso", "  displayName: Contoso"),
            ("  {\"password\":\"ä'b\",\"name\":\"x\"}", "  {\"password\":*****,\"name\":\"x\"}"),
        ] {
            assert_eq!(mask(line), want);
        }
    }

    #[test]
    fn an_excerpt_stays_inside_its_line() {
        let text = Text::new("f", format!("short\n{}x\n", "ä".repeat(400)));
        let long = text.excerpt(Span { line: 2, column: 401, end_line: 2, end_column: 402 }).unwrap();
        assert!(long.text.chars().count() <= WIDTH && long.start < WIDTH, "{long:?}");
        assert_eq!(long.text.chars().nth(long.start), Some('x'));
        let past = text.excerpt(Span { line: 1, column: 99, end_line: 7, end_column: 1 }).unwrap();
        assert_eq!((past.start, past.length), (5, 1));
        assert_eq!(text.excerpt(Span { line: 9, ..Span::default() }), None);
        assert_eq!(text.excerpt(Span::default()), None);
    }

    #[test]
    fn nothing_of_a_text_with_a_secret_is_shown() {
        let text = Text::new("f", "kind:   \"Secret\"\nstringData: { a: cnry-x }\n".into());
        assert!(text.confidential);
        assert_eq!(text.excerpt(Span { line: 2, column: 1, end_line: 2, end_column: 4 }), None);
    }
}
