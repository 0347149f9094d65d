//! `$filter`: a small real expression parser; what it does not know is refused as Graph refuses it.
use std::cmp::Ordering;

use serde_json::Value;

use super::errors::Failure;

#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    Or(Box<Expr>, Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    Compare(Vec<String>, Op, Value),
    StartsWith(Vec<String>, String),
    In(Vec<String>, Vec<Value>),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Op {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Open,
    Close,
    Comma,
}

/// Deeper nesting is refused, so that no query can exhaust the stack.
const DEPTH: usize = 30;

/// Graph refuses long filters too; a chain of comparisons is a tree as deep as it is long.
const TOKENS: usize = 2_000;

pub fn parse(text: &str) -> Result<Expr, Failure> {
    let mut p = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
    if p.tokens.len() > TOKENS {
        return Err(Failure::bad_query("The filter clause is too complex."));
    }
    let e = p.or()?;
    match p.peek() {
        None => Ok(e),
        Some(t) => Err(invalid(&format!("unexpected {t:?}"))),
    }
}

fn invalid(why: &str) -> Failure {
    Failure::bad_query(format!("Invalid filter clause: {why}"))
}

fn tokens(text: &str) -> Result<Vec<Token>, Failure> {
    let mut out = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(&c) = chars.peek() {
        match c {
            ' ' | '\t' => {
                chars.next();
            }
            '(' | ')' | ',' => {
                chars.next();
                out.push(match c {
                    '(' => Token::Open,
                    ')' => Token::Close,
                    _ => Token::Comma,
                });
            }
            '\'' => {
                chars.next();
                let mut s = String::new();
                loop {
                    match chars.next() {
                        // A quote is doubled inside a literal.
                        Some('\'') if chars.peek() == Some(&'\'') => {
                            chars.next();
                            s.push('\'');
                        }
                        Some('\'') => break,
                        Some(c) => s.push(c),
                        None => return Err(invalid("unterminated string literal")),
                    }
                }
                out.push(Token::Text(s));
            }
            _ => {
                let mut s = String::new();
                while let Some(&c) = chars.peek() {
                    if matches!(c, ' ' | '\t' | '(' | ')' | ',' | '\'') {
                        break;
                    }
                    s.push(c);
                    chars.next();
                }
                out.push(Token::Word(s));
            }
        }
    }
    Ok(out)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }
    fn next(&mut self) -> Option<Token> {
        let t = self.tokens.get(self.at).cloned();
        self.at += 1;
        t
    }
    fn word(&self, w: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(x)) if x.eq_ignore_ascii_case(w))
    }
    fn expect(&mut self, t: &Token) -> Result<(), Failure> {
        match self.next() {
            Some(x) if x == *t => Ok(()),
            x => Err(invalid(&format!("expected {t:?}, found {x:?}"))),
        }
    }

    fn or(&mut self) -> Result<Expr, Failure> {
        let mut left = self.and()?;
        while self.word("or") {
            self.at += 1;
            left = Expr::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expr, Failure> {
        let mut left = self.unary()?;
        while self.word("and") {
            self.at += 1;
            left = Expr::And(Box::new(left), Box::new(self.unary()?));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expr, Failure> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(invalid("nested too deeply"));
        }
        let e = if self.word("not") {
            self.at += 1;
            Expr::Not(Box::new(self.unary()?))
        } else if self.peek() == Some(&Token::Open) {
            self.at += 1;
            let e = self.or()?;
            self.expect(&Token::Close)?;
            e
        } else {
            self.term()?
        };
        self.depth -= 1;
        Ok(e)
    }

    fn term(&mut self) -> Result<Expr, Failure> {
        let Some(Token::Word(name)) = self.next() else {
            return Err(invalid("a property name was expected"));
        };
        if self.peek() == Some(&Token::Open) {
            if !name.eq_ignore_ascii_case("startswith") {
                return Err(Failure::unsupported(format!(
                    "Unsupported query: the function or lambda '{name}' is not served."
                )));
            }
            self.at += 1;
            let path = self.path()?;
            self.expect(&Token::Comma)?;
            let Some(Token::Text(prefix)) = self.next() else {
                return Err(invalid("startswith needs a string"));
            };
            self.expect(&Token::Close)?;
            return Ok(Expr::StartsWith(path, prefix));
        }
        let path = name.split('/').map(str::to_owned).collect();
        let Some(Token::Word(op)) = self.next() else {
            return Err(invalid("an operator was expected"));
        };
        let op = match op.as_str() {
            "eq" => Op::Eq,
            "ne" => Op::Ne,
            "gt" => Op::Gt,
            "ge" => Op::Ge,
            "lt" => Op::Lt,
            "le" => Op::Le,
            "in" => {
                self.expect(&Token::Open)?;
                let mut values = vec![self.literal()?];
                while self.peek() == Some(&Token::Comma) {
                    self.at += 1;
                    values.push(self.literal()?);
                }
                self.expect(&Token::Close)?;
                return Ok(Expr::In(path, values));
            }
            _ => return Err(invalid(&format!("unknown operator '{op}'"))),
        };
        Ok(Expr::Compare(path, op, self.literal()?))
    }

    fn path(&mut self) -> Result<Vec<String>, Failure> {
        match self.next() {
            Some(Token::Word(w)) => Ok(w.split('/').map(str::to_owned).collect()),
            _ => Err(invalid("a property name was expected")),
        }
    }

    fn literal(&mut self) -> Result<Value, Failure> {
        match self.next() {
            Some(Token::Text(s)) => Ok(Value::String(s)),
            Some(Token::Word(w)) => Ok(match w.as_str() {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                "null" => Value::Null,
                // Bare guids, dates and enum members are written without quotes.
                _ => w.parse::<i64>().map_or_else(|_| Value::String(w.clone()), Value::from),
            }),
            _ => Err(invalid("a value was expected")),
        }
    }
}

impl Expr {
    /// All property paths that it names.
    pub fn paths(&self) -> Vec<&[String]> {
        match self {
            Expr::Or(a, b) | Expr::And(a, b) => [a.paths(), b.paths()].concat(),
            Expr::Not(a) => a.paths(),
            Expr::Compare(p, ..) | Expr::StartsWith(p, _) | Expr::In(p, _) => vec![p],
        }
    }

    /// Whether it is one of the queries that need `ConsistencyLevel: eventual` and `$count`.
    pub fn is_advanced(&self) -> bool {
        match self {
            Expr::Or(a, b) | Expr::And(a, b) => a.is_advanced() || b.is_advanced(),
            Expr::Not(_) | Expr::Compare(_, Op::Ne, _) => true,
            _ => false,
        }
    }

    pub fn holds(&self, item: &Value) -> bool {
        match self {
            Expr::Or(a, b) => a.holds(item) || b.holds(item),
            Expr::And(a, b) => a.holds(item) && b.holds(item),
            Expr::Not(a) => !a.holds(item),
            Expr::StartsWith(path, prefix) => {
                at(item, path).as_str().is_some_and(|s| s.to_lowercase().starts_with(&prefix.to_lowercase()))
            }
            Expr::In(path, values) => values.iter().any(|v| compare(at(item, path), v) == Some(Ordering::Equal)),
            Expr::Compare(path, op, value) => {
                let order = compare(at(item, path), value);
                match op {
                    Op::Eq => order == Some(Ordering::Equal),
                    Op::Ne => order != Some(Ordering::Equal),
                    Op::Gt => order == Some(Ordering::Greater),
                    Op::Ge => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
                    Op::Lt => order == Some(Ordering::Less),
                    Op::Le => matches!(order, Some(Ordering::Less | Ordering::Equal)),
                }
            }
        }
    }
}

fn at<'a>(item: &'a Value, path: &[String]) -> &'a Value {
    path.iter().fold(item, |v, p| v.get(p).unwrap_or(&Value::Null))
}

/// Entra compares strings without regard to case.
fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        (Value::Bool(x), Value::Bool(y)) => Some(x.cmp(y)),
        (Value::Number(x), Value::Number(y)) => x.as_f64()?.partial_cmp(&y.as_f64()?),
        (Value::String(x), Value::String(y)) => Some(x.to_lowercase().cmp(&y.to_lowercase())),
        _ => None,
    }
}
