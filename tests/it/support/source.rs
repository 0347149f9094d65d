//! Rust source read just well enough for the house rules: comments, literals and test code are told from the rest, and
//! paths are read out of `use` groups. Not a parser: it relies on the code being formatted and compiling.

/// The source with comments and the insides of literals blanked. Every line keeps its number.
pub fn code_of(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    while at < chars.len() {
        let end = literal_or_comment_end(&chars, at);
        if let Some(end) = end {
            out.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        } else {
            out.push(chars[at]);
            at += 1;
        }
    }
    out
}

/// Where the comment or literal that begins here ends, if one begins here.
fn literal_or_comment_end(chars: &[char], at: usize) -> Option<usize> {
    let find = |from: usize, what: &str| {
        let what: Vec<char> = what.chars().collect();
        let found = chars.get(from..).and_then(|rest| rest.windows(what.len()).position(|window| window == what));
        found.map_or(chars.len(), |found| from + found + what.len())
    };
    let peek = |ahead: usize| chars.get(at + ahead).copied().unwrap_or(' ');
    let after_ident = at > 0 && is_ident(chars[at - 1]);
    match (chars[at], peek(1)) {
        ('/', '/') => Some(at + chars[at..].iter().take_while(|c| **c != '\n').count()),
        ('/', '*') => Some(block_comment_end(chars, at)),
        ('"', _) => Some(quoted_end(chars, at, '"')),
        // A character, unless it is a lifetime: 'a' and '\n', but not 'a.
        ('\'', '\\') => Some(quoted_end(chars, at, '\'')),
        ('\'', _) if peek(2) == '\'' => Some(at + 3),
        ('r', '"' | '#') if !after_ident || matches!(chars[at - 1], 'b' | 'c') => {
            let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
            (peek(1 + hashes) == '"').then(|| find(at + 2 + hashes, &format!("\"{}", "#".repeat(hashes))))
        }
        _ => None,
    }
}

fn quoted_end(chars: &[char], start: usize, quote: char) -> usize {
    let mut at = start + 1;
    while at < chars.len() && chars[at] != quote {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

fn block_comment_end(chars: &[char], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0);
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => (depth, at) = (depth + 1, at + 2),
            ('*', '/') => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

/// Blanks every item under `#[cfg(test)]`. Takes what [`code_of`] gives.
pub fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = code.to_owned();
    while let Some(start) = out.find(MARK) {
        let rest = &out[start..];
        let mut depth = 0_usize;
        let item_end = rest.char_indices().skip(MARK.len()).find_map(|(at, c)| {
            match c {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            (depth == 0 && matches!(c, '}' | ';')).then_some(at + 1)
        });
        let end = start + item_end.unwrap_or(rest.len());
        let blank: String = out[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        out.replace_range(start..end, &blank);
    }
    out
}

/// A path as written, for example `crate::engine::Plan`, and the line it is on.
#[derive(Debug, PartialEq)]
pub struct Path {
    pub line: usize,
    pub segments: Vec<String>,
}

impl Path {
    /// Whether these segments stand in the path, one after the other.
    pub fn mentions(&self, segments: &[&str]) -> bool {
        self.segments.windows(segments.len()).any(|window| window == segments)
    }
}

/// Every path in the code, with groups taken apart: `use std::{env, fs::File}` gives `std::env` and `std::fs::File`.
/// A lone identifier is a path of one segment. Takes what [`code_of`] gives.
pub fn paths(code: &str) -> Vec<Path> {
    let mut tokens = Tokens { rest: code, line: 1 };
    let mut found = Vec::new();
    while let Some((line, token)) = tokens.next() {
        if is_ident_token(token) {
            read_path(&mut tokens, line, vec![token.to_owned()], &mut found);
        }
    }
    found
}

/// Reads on from a first segment.
fn read_path(tokens: &mut Tokens<'_>, line: usize, mut segments: Vec<String>, found: &mut Vec<Path>) {
    loop {
        let before = *tokens;
        match (tokens.next(), tokens.next()) {
            (Some((_, "::")), Some((_, "{"))) => return read_group(tokens, &segments, found),
            (Some((_, "::")), Some((_, token))) if is_ident_token(token) => segments.push(token.to_owned()),
            _ => {
                *tokens = before;
                return found.push(Path { line, segments });
            }
        }
    }
}

fn read_group(tokens: &mut Tokens<'_>, prefix: &[String], found: &mut Vec<Path>) {
    while let Some((line, token)) = tokens.next() {
        if token == "}" {
            return;
        }
        if is_ident_token(token) {
            let segments = prefix.iter().cloned().chain([token.to_owned()]).collect();
            read_path(tokens, line, segments, found);
        }
    }
}

#[derive(Clone, Copy)]
struct Tokens<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Tokens<'a> {
    /// The next identifier, `::`, or single other character, and its line.
    fn next(&mut self) -> Option<(usize, &'a str)> {
        let text = self.rest.trim_start();
        self.line += self.rest[..self.rest.len() - text.len()].matches('\n').count();
        let first = text.chars().next()?;
        let length = match first {
            _ if text.starts_with("::") => 2,
            _ if is_ident(first) => text.find(|c| !is_ident(c)).unwrap_or(text.len()),
            _ => first.len_utf8(),
        };
        self.rest = &text[length..];
        Some((self.line, &text[..length]))
    }
}

fn is_ident(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_ident_token(token: &str) -> bool {
    token.chars().next().is_some_and(is_ident)
}
