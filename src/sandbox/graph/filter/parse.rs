//! Reading a filter. Names are taken as they are written; [`super::support`] resolves them.
use super::tokens::{Token, invalid, tokens};
use super::{Expr, Function, Literal, Op, Path};
use crate::sandbox::graph::errors::Failure;

/// Deeper nesting is refused, so that no query can exhaust the stack.
const DEPTH: usize = 30;

/// Functions of OData that Graph's services do not serve.
const UNSERVED: [&str; 23] = [
    "tolower",
    "toupper",
    "trim",
    "concat",
    "length",
    "indexof",
    "substring",
    "year",
    "month",
    "day",
    "hour",
    "minute",
    "second",
    "date",
    "time",
    "now",
    "round",
    "floor",
    "ceiling",
    "cast",
    "matchespattern",
    "fractionalseconds",
    "substringof",
];

pub fn parse(text: &str) -> Result<Expr, Failure> {
    let mut p = Parser { tokens: tokens(text)?, at: 0, depth: 0, variable: None };
    let e = p.or()?;
    match p.peek() {
        None => Ok(e),
        Some(_) => Err(p.error()),
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    /// Of the lambda that is being read.
    variable: Option<String>,
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

    fn error(&self) -> Failure {
        invalid(&format!("Syntax error at word {}.", self.at + 1))
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let is = matches!(self.peek(), Some(Token::Word(x)) if x.eq_ignore_ascii_case(word));
        self.at += usize::from(is);
        is
    }

    fn takes(&mut self, token: &Token) -> bool {
        let is = self.peek() == Some(token);
        self.at += usize::from(is);
        is
    }

    fn expect(&mut self, token: &Token) -> Result<(), Failure> {
        if self.takes(token) { Ok(()) } else { Err(self.error()) }
    }

    fn or(&mut self) -> Result<Expr, Failure> {
        let mut all = vec![self.and()?];
        while self.takes_word("or") {
            all.push(self.and()?);
        }
        Ok(one_or(all, Expr::Or))
    }

    fn and(&mut self) -> Result<Expr, Failure> {
        let mut all = vec![self.unary()?];
        while self.takes_word("and") {
            all.push(self.unary()?);
        }
        Ok(one_or(all, Expr::And))
    }

    fn unary(&mut self) -> Result<Expr, Failure> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(invalid("The node count limit of '100' has been exceeded."));
        }
        let e = if self.takes_word("not") {
            Expr::Not(Box::new(self.unary()?))
        } else if self.takes(&Token::Open) {
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
        let name = self.name()?;
        if self.peek() == Some(&Token::Open) {
            return self.call(&name);
        }
        let mut path = self.path(&name)?;
        if self.takes_word("in") {
            return self.list(path);
        }
        let op = self.op()?;
        let literal = self.literal()?;
        if path.last().is_none_or(|p| p != "$count") {
            return Ok(Expr::Compare(path, op, literal));
        }
        path.pop();
        match literal {
            #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
            Literal::Number(n) if n.fract() == 0.0 && n.abs() < 1e9 => Ok(Expr::Count(path, op, n as i64)),
            other => Err(incompatible("Edm.Int32", &other, op)),
        }
    }

    fn name(&mut self) -> Result<String, Failure> {
        match self.next() {
            Some(Token::Word(name)) => Ok(name),
            _ => {
                self.at -= 1;
                Err(self.error())
            }
        }
    }

    /// `(a, b)` behind `in`.
    fn list(&mut self, path: Path) -> Result<Expr, Failure> {
        self.expect(&Token::Open)?;
        let mut values = vec![self.literal()?];
        while self.takes(&Token::Comma) {
            values.push(self.literal()?);
        }
        self.expect(&Token::Close)?;
        Ok(Expr::In(path, values))
    }

    fn op(&mut self) -> Result<Op, Failure> {
        Ok(match self.name()?.to_ascii_lowercase().as_str() {
            "eq" => Op::Eq,
            "ne" => Op::Ne,
            "gt" => Op::Gt,
            "ge" => Op::Ge,
            "lt" => Op::Lt,
            "le" => Op::Le,
            "has" | "add" | "sub" | "mul" | "div" | "mod" => return Err(Failure::unsupported("Unsupported Query.")),
            _ => {
                self.at -= 1;
                return Err(self.error());
            }
        })
    }

    /// What a name with parentheses is: a function, or a lambda over a collection.
    fn call(&mut self, name: &str) -> Result<Expr, Failure> {
        self.expect(&Token::Open)?;
        if let Some((path, quantifier)) = name.rsplit_once('/') {
            return match quantifier.to_ascii_lowercase().as_str() {
                "any" => self.any(path),
                // Graph: filter using lambda operators.
                "all" => Err(Failure::unsupported("Unsupported Query.")),
                _ => Err(unknown_function(name)),
            };
        }
        let function = match name.to_ascii_lowercase().as_str() {
            "startswith" => Function::StartsWith,
            "endswith" => Function::EndsWith,
            "contains" => Function::Contains,
            "isof" => return self.is_of(),
            other if UNSERVED.contains(&other) => return Err(Failure::unsupported("Unsupported Query.")),
            _ => return Err(unknown_function(name)),
        };
        let first = self.name()?;
        let path = self.path(&first)?;
        self.expect(&Token::Comma)?;
        let Literal::Text(text) = self.literal()? else {
            return Err(invalid(&format!(
                "No function signature for the function with name '{name}' matches the specified arguments."
            )));
        };
        self.expect(&Token::Close)?;
        // `startswith(x,'y') eq true` says no more than without.
        if self.takes_word("eq") && !self.takes_word("true") {
            return Err(self.error());
        }
        Ok(Expr::Text(function, path, text))
    }

    fn is_of(&mut self) -> Result<Expr, Failure> {
        let Literal::Text(of) = self.literal()? else { return Err(self.error()) };
        self.expect(&Token::Close)?;
        Ok(Expr::IsOf(of))
    }

    fn any(&mut self, path: &str) -> Result<Expr, Failure> {
        let path = self.path(path)?;
        if self.takes(&Token::Close) {
            return Ok(Expr::Any(path, None));
        }
        if self.variable.is_some() {
            return Err(Failure::unsupported("Unsupported Query."));
        }
        let variable = self.name()?;
        self.expect(&Token::Colon)?;
        self.variable = Some(variable);
        let condition = self.or()?;
        self.variable = None;
        self.expect(&Token::Close)?;
        Ok(Expr::Any(path, Some(Box::new(condition))))
    }

    /// Inside a lambda, a path begins with its variable.
    fn path(&self, text: &str) -> Result<Path, Failure> {
        let mut path: Path = text.split('/').map(str::to_owned).collect();
        if let Some(variable) = &self.variable {
            if path.first() != Some(variable) {
                return Err(Failure::unsupported("Unsupported Query."));
            }
            path.remove(0);
        }
        if path.iter().any(String::is_empty) { Err(self.error()) } else { Ok(path) }
    }

    fn literal(&mut self) -> Result<Literal, Failure> {
        match self.next() {
            Some(Token::Text(text)) => Ok(Literal::Text(text)),
            Some(Token::Typed(kind, text)) => {
                Literal::of_typed(&kind, &text).ok_or_else(|| invalid(&format!("The type '{kind}' is not known.")))
            }
            // A word that is no constant is read as a property.
            Some(Token::Word(word)) => {
                Literal::of_word(&word).ok_or_else(|| invalid(&format!("Could not find a property named '{word}'.")))
            }
            _ => {
                self.at -= 1;
                Err(self.error())
            }
        }
    }
}

fn one_or(mut all: Vec<Expr>, many: impl Fn(Vec<Expr>) -> Expr) -> Expr {
    match all.len() {
        1 => all.remove(0),
        _ => many(all),
    }
}

fn unknown_function(name: &str) -> Failure {
    invalid(&format!(
        "An unknown function with name '{name}' was found. This may also be a function import or a key lookup on a navigation property, which is not allowed."
    ))
}

/// OData: comparing what cannot be compared.
pub fn incompatible(kind: &str, literal: &Literal, op: Op) -> Failure {
    let name = match op {
        Op::Eq => "Equal",
        Op::Ne => "NotEqual",
        Op::Gt => "GreaterThan",
        Op::Ge => "GreaterThanOrEqual",
        Op::Lt => "LessThan",
        Op::Le => "LessThanOrEqual",
    };
    invalid(&format!(
        "A binary operator with incompatible types was detected. Found operand types '{kind}' and '{}' for operator kind '{name}'.",
        literal.kind()
    ))
}
