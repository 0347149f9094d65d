//! From text to values with places: documents, anchors, merge keys, scalars by `kubectl`'s rules.

use std::collections::HashMap;

use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Span as YamlSpan, StrInput, Tag};

use super::node::{Data, Entry, Node, Span};
use super::problem::{Problem, Text};
use super::scalar;

/// Most values that the aliases of a run may stand for.
const MAX_COPIES: usize = 1_000_000;
/// Deepest nesting.
const MAX_DEPTH: usize = 200;

/// All documents of a text, and what is wrong with those that cannot be read. A document that cannot be read does not hide
/// those after it. `copies` counts the values that aliases stood for so far.
pub(super) fn documents(text: &Text, copies: &mut usize) -> (Vec<Node>, Vec<Problem>) {
    let mut nodes = Vec::new();
    let mut problems = Vec::new();
    for piece in pieces(&text.text) {
        if let Err(problem) = read_piece(text, &piece, copies, &mut nodes) {
            problems.push(*problem);
        }
    }
    (nodes, problems)
}

/// A part of a text, and the number of lines before it.
struct Piece<'a> {
    text: std::borrow::Cow<'a, str>,
    lines_before: u32,
}

/// Cuts a text where documents begin: at lines that start with `---`, or between the values of a stream of JSON.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    if text.trim_start().starts_with('{')
        && let Some(pieces) = json_pieces(text)
    {
        return pieces;
    }
    let mut starts = vec![0];
    let (mut start, mut at) = (0, 0);
    for line in text.split_inclusive('\n') {
        let marks =
            line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']));
        if marks && text[start..at].lines().any(|line| !line.trim().is_empty() && !line.starts_with(['%', '#'])) {
            starts.push(at);
            start = at;
        }
        at += line.len();
    }
    starts.push(text.len());
    let mut lines_before = 0;
    let mut pieces = Vec::new();
    for window in starts.windows(2) {
        let piece = &text[window[0]..window[1]];
        pieces.push(Piece { text: piece.into(), lines_before });
        lines_before += piece.matches('\n').count() as u32;
    }
    pieces
}

/// The values of a stream of JSON; `None` if it is not one, because `{` also begins a mapping of YAML.
fn json_pieces(text: &str) -> Option<Vec<Piece<'_>>> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut lines_before = 0;
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<serde::de::IgnoredAny>();
    while let Some(value) = stream.next() {
        value.ok()?;
        let piece = &text[start..stream.byte_offset()];
        // The column of a value that follows another one on its line is kept by blanks in place of what is before it.
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let blanks = text[line_start..start].chars().count();
        let readable = format!("{}{}", " ".repeat(blanks), pair_escapes(piece));
        pieces.push(Piece { text: readable.into(), lines_before });
        lines_before += piece.matches('\n').count() as u32;
        start = stream.byte_offset();
    }
    Some(pieces)
}

/// JSON writes characters beyond the first plane as two escapes, YAML as one.
fn pair_escapes(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let unit = |text: &str| text.strip_prefix("\\u").and_then(|hex| u32::from_str_radix(hex.get(..4)?, 16).ok());
        let low = rest.get(6..).and_then(unit).filter(|low| (0xDC00..0xE000).contains(low));
        match (unit(rest).filter(|high| (0xD800..0xDC00).contains(high)), low) {
            (Some(high), Some(low)) => {
                out.push_str(&format!("\\U{:08X}", 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)));
                rest = &rest[12..];
            }
            _ => {
                let next = rest.char_indices().nth(2).map_or(rest.len(), |(at, _)| at);
                out.push_str(&rest[..next]);
                rest = &rest[next..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn read_piece(text: &Text, piece: &Piece<'_>, copies: &mut usize, nodes: &mut Vec<Node>) -> Result<(), Box<Problem>> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    let mut reader = Reader {
        parser: Parser::new_from_str_with_options(&piece.text, options),
        text,
        lines_before: piece.lines_before,
        anchors: HashMap::new(),
        copies,
    };
    while let Some((event, span)) = reader.next()? {
        match event {
            Event::StreamEnd => break,
            Event::StreamStart | Event::DocumentEnd => {}
            Event::DocumentStart(..) => {
                reader.anchors.clear();
                let Some((event, span)) = reader.next()? else { break };
                let node = reader.node(event, span, 0)?;
                if node.data != Data::Null {
                    nodes.push(node);
                }
            }
            _ => return Err(reader.problem(span, "unreadable YAML")),
        }
    }
    Ok(())
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    text: &'a Text,
    lines_before: u32,
    /// Values by the number of their anchor.
    anchors: HashMap<usize, Named>,
    copies: &'a mut usize,
}

/// What an anchor names.
struct Named {
    node: Node,
    /// Number of values in it.
    values: usize,
    /// Number of levels below it.
    height: usize,
}

type Step<T> = Result<T, Box<Problem>>;

impl<'a> Reader<'a> {
    fn next(&mut self) -> Step<Option<(Event<'a>, YamlSpan)>> {
        match self.parser.next_event() {
            Some(Ok(next)) => Ok(Some(next)),
            Some(Err(error)) => Err(self.broken(&error)),
            None => Ok(None),
        }
    }

    fn broken(&self, error: &ScanError) -> Box<Problem> {
        let mark = *error.marker();
        let mut problem = self.problem(YamlSpan::empty(mark), "unreadable YAML");
        problem.detail = plain_words(&error.info());
        problem.remedy = "Check indentation, quotes and brackets at this place and just above it.".into();
        problem
    }

    fn problem(&self, span: YamlSpan, summary: impl Into<String>) -> Box<Problem> {
        Box::new(Problem::error(summary).at(self.text, self.span(span)))
    }

    fn span(&self, span: YamlSpan) -> Span {
        Span {
            line: span.start.line() as u32 + self.lines_before,
            column: span.start.col() as u32 + 1,
            end_line: span.end.line() as u32 + self.lines_before,
            end_column: span.end.col() as u32 + 1,
        }
    }

    /// Counts a copy of values for an anchor or an alias.
    fn copy(&mut self, span: YamlSpan, values: usize) -> Step<()> {
        *self.copies += values;
        if *self.copies > MAX_COPIES {
            let summary = format!("the aliases of the inputs stand for more than {MAX_COPIES} values");
            return Err(self.problem(span, summary));
        }
        Ok(())
    }

    fn descend(&self, span: YamlSpan, depth: usize) -> Step<()> {
        if depth > MAX_DEPTH {
            return Err(self.problem(span, format!("the document is nested deeper than {MAX_DEPTH} levels")));
        }
        Ok(())
    }

    /// The value that begins with `event`.
    fn node(&mut self, event: Event<'a>, span: YamlSpan, depth: usize) -> Step<Node> {
        self.descend(span, depth)?;
        let place = self.span(span);
        let (anchor, node) = match event {
            Event::Alias(id) => {
                let Some(named) = self.anchors.get(&id) else {
                    return Err(self.problem(span, "an alias that stands inside what it names"));
                };
                let (values, height) = (named.values, named.height);
                self.descend(span, depth + height)?;
                self.copy(span, values)?;
                let data = self.anchors.get(&id).map_or(Data::Null, |named| named.node.data.clone());
                return Ok(Node { data, span: place });
            }
            Event::Scalar(text, style, anchor, tag) => {
                let data = scalar_data(&text, style, tag.as_deref()).map_err(|why| self.problem(span, why))?;
                (anchor, Node { data, span: place })
            }
            Event::SequenceStart(_, anchor, _) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        Some((Event::SequenceEnd, _)) | None => break,
                        Some((event, span)) => items.push(self.node(event, span, depth + 1)?),
                    }
                }
                (anchor, Node { data: Data::List(items), span: place })
            }
            Event::MappingStart(_, anchor, _) => {
                let entries = self.entries(depth)?;
                (anchor, Node { data: Data::Map(entries), span: place })
            }
            _ => return Err(self.problem(span, "unreadable YAML")),
        };
        if anchor > 0 {
            let (values, height) = measure(&node);
            self.copy(span, values)?;
            self.anchors.insert(anchor, Named { node: node.clone(), values, height });
        }
        Ok(node)
    }

    fn entries(&mut self, depth: usize) -> Step<Vec<Entry>> {
        let mut entries = Vec::new();
        let mut merged = Vec::new();
        loop {
            let (event, span) = match self.next()? {
                Some((Event::MappingEnd, _)) | None => break,
                Some(next) => next,
            };
            let is_merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let key = self.node(event, span, depth + 1)?;
            let Some((event, value_span)) = self.next()? else { break };
            let value = self.node(event, value_span, depth + 1)?;
            if is_merge {
                merged.extend(merge_entries(value).ok_or_else(|| self.problem(span, "`<<` merges objects only"))?);
                continue;
            }
            let key_span = key.span;
            let key = match key.data {
                Data::String(key) => key,
                Data::Bool(key) => key.to_string(),
                Data::Number(key) => key.to_string(),
                Data::Null | Data::List(_) | Data::Map(_) => {
                    return Err(self.problem(span, "the name of a field must be a word"));
                }
            };
            entries.push(Entry { key, key_span, value });
        }
        for entry in merged {
            if !entries.iter().any(|known| known.key == entry.key) {
                entries.push(entry);
            }
        }
        Ok(entries)
    }
}

/// The entries that `<<: value` brings in; of two of one name the first.
fn merge_entries(value: Node) -> Option<Vec<Entry>> {
    match value.data {
        Data::Map(entries) => Some(entries),
        Data::List(items) => {
            let mut all: Vec<Entry> = Vec::new();
            for item in items {
                let Data::Map(entries) = item.data else { return None };
                for entry in entries {
                    if !all.iter().any(|known| known.key == entry.key) {
                        all.push(entry);
                    }
                }
            }
            Some(all)
        }
        _ => None,
    }
}

/// The number of values in a value, itself included, and of levels below it.
fn measure(node: &Node) -> (usize, usize) {
    let add = |(values, height): (usize, usize), child: &Node| {
        let (more, below) = measure(child);
        (values + more, height.max(below + 1))
    };
    match &node.data {
        Data::List(items) => items.iter().fold((1, 0), add),
        Data::Map(entries) => entries.iter().map(|entry| &entry.value).fold((1, 0), add),
        _ => (1, 0),
    }
}

fn scalar_data(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Data, String> {
    let is_plain = style == ScalarStyle::Plain;
    match tag {
        None if is_plain => scalar::plain(text),
        None => Ok(Data::String(text.to_string())),
        Some(tag) => match tag.suffix_in_namespace("tag:yaml.org,2002:") {
            Some(name) => scalar::tagged(&name, text, is_plain),
            None => Ok(Data::String(text.to_string())),
        },
    }
}

/// The parser's message without its own account of the place.
fn plain_words(message: &str) -> String {
    let message = message.trim_end_matches('.');
    let mut chars = message.chars();
    match chars.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), chars.as_str()),
        None => String::new(),
    }
}
