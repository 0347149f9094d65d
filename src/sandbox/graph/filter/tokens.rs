//! The words of a filter.
use crate::sandbox::graph::errors::Failure;

#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    Word(String),
    /// In quotes; a doubled quote stands for one.
    Text(String),
    /// `duration'P1D'`.
    Typed(String, String),
    Open,
    Close,
    Comma,
    Colon,
}

/// Graph refuses long filters too.
const MOST: usize = 2_000;

pub fn invalid(why: &str) -> Failure {
    Failure::bad_query(format!("Invalid filter clause: {why}"))
}

pub fn tokens(text: &str) -> Result<Vec<Token>, Failure> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (token, after) = match c {
            c if c.is_whitespace() => (None, &rest[c.len_utf8()..]),
            '(' => (Some(Token::Open), &rest[1..]),
            ')' => (Some(Token::Close), &rest[1..]),
            ',' => (Some(Token::Comma), &rest[1..]),
            ':' => (Some(Token::Colon), &rest[1..]),
            '\'' => {
                let (quoted, after) = quoted(&rest[1..])?;
                (Some(Token::Text(quoted)), after)
            }
            _ => {
                let (token, after) = word(rest)?;
                (Some(token), after)
            }
        };
        out.extend(token);
        if out.len() > MOST {
            return Err(invalid("The query is too complex."));
        }
        rest = after;
    }
    Ok(out)
}

/// What follows an opening quote.
fn quoted(text: &str) -> Result<(String, &str), Failure> {
    let mut out = String::new();
    let mut rest = text;
    loop {
        let Some((before, after)) = rest.split_once('\'') else {
            return Err(invalid("There is an unterminated string literal."));
        };
        out.push_str(before);
        match after.strip_prefix('\'') {
            Some(more) => {
                out.push('\'');
                rest = more;
            }
            None => return Ok((out, after)),
        }
    }
}

fn word(text: &str) -> Result<(Token, &str), Failure> {
    let ends = |c: char| c.is_whitespace() || "(),'".contains(c);
    let end = text.find(ends).unwrap_or(text.len());
    let (word, mut rest) = text.split_at(end);
    // A colon ends the variable of a lambda, and stands inside a time.
    if let Some((name, _)) = word.split_once(':').filter(|(name, _)| is_name(name)) {
        return Ok((Token::Word(name.to_owned()), &text[name.len()..]));
    }
    if let Some(after) = rest.strip_prefix('\'') {
        let (text, after) = quoted(after)?;
        rest = after;
        return Ok((Token::Typed(word.to_owned(), text), rest));
    }
    Ok((Token::Word(word.to_owned()), rest))
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}
