//! `$search` on directory objects: clauses of property and text, tokens of names and descriptions.
use serde_json::Value;

use super::names;
use crate::sandbox::facts::queries::{self, Served};
use crate::sandbox::graph::errors::Failure;

/// What is searched for.
#[derive(Debug, PartialEq)]
pub enum Search {
    Any(Vec<Search>),
    All(Vec<Search>),
    /// Property, and what it must have.
    Clause(Vec<String>, String),
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Clause(String),
    Or,
    And,
    Open,
    Close,
}

/// Deeper nesting is refused, so that no query can exhaust the stack.
const DEPTH: usize = 30;

/// Properties whose words are searched; of others, the beginning.
const BY_WORDS: [&str; 2] = ["displayName", "description"];

pub fn parse(of: &str, text: &str) -> Result<Search, Failure> {
    let mut p = Parser { of, text, tokens: tokens(text)?, at: 0, depth: 0 };
    let search = p.any()?;
    if p.at < p.tokens.len() { Err(syntax(text, text.len())) } else { Ok(search) }
}

fn syntax(text: &str, at: usize) -> Failure {
    Failure::bad_query(format!("Syntax error at position {at} in '{text}'."))
}

fn tokens(text: &str) -> Result<Vec<Token>, Failure> {
    let mut out = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            c if c.is_whitespace() => {}
            '(' => out.push(Token::Open),
            ')' => out.push(Token::Close),
            '"' => {
                let mut clause = String::new();
                loop {
                    match chars.next() {
                        Some((_, '\\')) => clause.extend(chars.next().map(|(_, c)| c)),
                        Some((_, '"')) => break,
                        Some((_, c)) => clause.push(c),
                        None => return Err(syntax(text, at)),
                    }
                }
                out.push(Token::Clause(clause));
            }
            _ if text[at..].starts_with("OR") => {
                chars.next();
                out.push(Token::Or);
            }
            _ if text[at..].starts_with("AND") => {
                chars.nth(1);
                out.push(Token::And);
            }
            _ => {
                // A clause without quotes: the colon is what Graph stumbles over.
                let (n, c) = text.char_indices().find(|(i, c)| *i >= at && *c == ':').unwrap_or((at, c));
                return Err(Failure::bad_query(format!(
                    "Syntax error: character '{c}' is not valid at position {n} in '{text}'."
                )));
            }
        }
    }
    Ok(out)
}

struct Parser<'a> {
    of: &'a str,
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn takes(&mut self, token: &Token) -> bool {
        let is = self.tokens.get(self.at) == Some(token);
        self.at += usize::from(is);
        is
    }

    fn any(&mut self) -> Result<Search, Failure> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(syntax(self.text, 0));
        }
        let mut any = vec![self.all()?];
        while self.takes(&Token::Or) {
            any.push(self.all()?);
        }
        self.depth -= 1;
        Ok(if any.len() == 1 { any.remove(0) } else { Search::Any(any) })
    }

    fn all(&mut self) -> Result<Search, Failure> {
        let mut all = vec![self.one()?];
        // Clauses beside each other are all meant.
        while self.takes(&Token::And) || matches!(self.tokens.get(self.at), Some(Token::Clause(_))) {
            all.push(self.one()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Search::All(all) })
    }

    fn one(&mut self) -> Result<Search, Failure> {
        if self.takes(&Token::Open) {
            let inner = self.any()?;
            return if self.takes(&Token::Close) { Ok(inner) } else { Err(syntax(self.text, self.text.len())) };
        }
        let Some(Token::Clause(clause)) = self.tokens.get(self.at).cloned() else {
            return Err(syntax(self.text, self.text.len()));
        };
        self.at += 1;
        let Some((name, text)) = clause.split_once(':') else {
            return Err(Failure::unsupported(format!(
                "Invalid $search clause '\"{clause}\"': the property to search must be specified."
            )));
        };
        let path: Vec<String> = name.trim().split('/').map(str::to_owned).collect();
        let path = names::resolve("", self.of, &path)?.path;
        if !is_searched(self.of, &path) {
            let name = path.join("/");
            return Err(Failure::unsupported(format!(
                "Unsupported or invalid search clause specified for property '{name}'."
            )));
        }
        Ok(Search::Clause(path, text.trim().to_owned()))
    }
}

/// Graph: what can be filtered can be searched.
fn is_searched(of: &str, path: &[String]) -> bool {
    let name = path.join("/");
    let any = format!("{name}/any");
    let serves = |t: &queries::Queries| {
        ["eq", "sw"].iter().any(|w| t.filters(&name, w) != Served::Never || t.filters(&any, w) != Served::Never)
    };
    match queries::of(of) {
        Some(table) => serves(table),
        None if of == "directoryObject" => queries::all().values().any(serves),
        None => BY_WORDS.contains(&name.as_str()),
    }
}

impl Search {
    pub fn holds(&self, item: &Value) -> bool {
        match self {
            Search::Any(any) => any.iter().any(|s| s.holds(item)),
            Search::All(all) => all.iter().all(|s| s.holds(item)),
            Search::Clause(path, text) => {
                let value = path.iter().fold(item, |v, p| v.get(p).unwrap_or(&Value::Null));
                match value {
                    Value::String(s) if BY_WORDS.contains(&path[0].as_str()) => has_words(s, text),
                    Value::String(s) => s.to_lowercase().starts_with(&text.to_lowercase()),
                    Value::Array(many) => {
                        let begins = |s: &str| s.to_lowercase().starts_with(&text.to_lowercase());
                        many.iter().filter_map(Value::as_str).any(begins)
                    }
                    Value::Bool(b) => b.to_string() == text.to_lowercase(),
                    _ => false,
                }
            }
        }
    }
}

/// Every word of the text begins a word of the value.
fn has_words(value: &str, text: &str) -> bool {
    let own = words(value);
    let joined = joined(value);
    words(text).iter().all(|w| own.iter().chain(&joined).any(|o| o.starts_with(w.as_str())))
}

/// Graph: search tokens end at spaces and symbols, between letters and numbers, and where capitals begin.
fn words(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut before: Option<char> = None;
    for c in text.chars() {
        let continues = before.is_some_and(|b| {
            (b.is_alphabetic() && c.is_alphabetic() && !(b.is_lowercase() && c.is_uppercase()))
                || (b.is_numeric() && c.is_numeric())
        });
        match out.last_mut() {
            Some(last) if continues => last.extend(c.to_lowercase()),
            _ if c.is_alphanumeric() => out.push(c.to_lowercase().collect()),
            _ => {}
        }
        before = Some(c);
    }
    out
}

/// Words that only symbols or capitals part are found in one piece too.
fn joined(text: &str) -> Vec<String> {
    let pieces = text.split_whitespace();
    pieces.map(|p| p.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_end_at_symbols_numbers_and_capitals() {
        for (text, expected) in [
            ("hello world", vec!["hello", "world"]),
            ("HelloWorld", vec!["hello", "world"]),
            ("HELLOworld", vec!["helloworld"]),
            ("hello.world", vec!["hello", "world"]),
            ("hello123world", vec!["hello", "123", "world"]),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn a_search_finds_words_by_their_beginning_in_any_order() {
        for (value, text, hit) in [
            ("David Li", "Li David", true),
            ("One Video", "OneVideo", true),
            ("hello-world", "helloworld", true),
            ("Contoso", "toso", false),
            ("Contoso", "con", true),
        ] {
            assert_eq!(has_words(value, text), hit, "{value} {text}");
        }
    }
}
