//! `$filter`: expressions and what they hold of. [`parse`] reads them, [`support`] says which Graph serves.
mod literal;
mod parse;
mod support;
#[cfg(test)]
mod tests;
mod tokens;

use std::cmp::Ordering;

use serde_json::Value;

pub use literal::Literal;
pub use parse::parse;
pub use support::{Scope, check};

use crate::sandbox::facts;

const SPACE: &str = "microsoft.graph.";

#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// Any of them.
    Or(Vec<Expr>),
    /// All of them.
    And(Vec<Expr>),
    Not(Box<Expr>),
    Compare(Path, Op, Literal),
    Text(Function, Path, String),
    In(Path, Vec<Literal>),
    /// `path/any(x: …)`; without a condition: there is any.
    Any(Path, Option<Box<Expr>>),
    /// `path/$count`.
    Count(Path, Op, i64),
    /// `isof('microsoft.graph.user')`.
    IsOf(String),
}

/// Property names, from the object or, inside `any`, from the variable.
pub type Path = Vec<String>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    StartsWith,
    EndsWith,
    Contains,
}

/// What a link of an object leads to.
pub trait Links {
    fn targets(&self, item: &Value, link: &str) -> Vec<Value>;
}

impl Op {
    fn allows(self, order: Option<Ordering>) -> bool {
        match self {
            Op::Eq => order == Some(Ordering::Equal),
            Op::Ne => order != Some(Ordering::Equal),
            Op::Gt => order == Some(Ordering::Greater),
            Op::Ge => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
            Op::Lt => order == Some(Ordering::Less),
            Op::Le => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        }
    }
}

impl Expr {
    pub fn holds(&self, item: &Value, links: &dyn Links) -> bool {
        match self {
            Expr::Or(any) => any.iter().any(|e| e.holds(item, links)),
            Expr::And(all) => all.iter().all(|e| e.holds(item, links)),
            Expr::Not(inner) => !inner.holds(item, links),
            Expr::Text(function, path, text) => {
                at(item, path, links).as_ref().as_str().is_some_and(|s| function.holds(s, text))
            }
            Expr::In(path, values) => {
                let value = at(item, path, links);
                values.iter().any(|v| v.compare(&value) == Some(Ordering::Equal))
            }
            Expr::Compare(path, op, literal) => op.allows(literal.compare(&at(item, path, links))),
            Expr::Any(path, condition) => {
                let holds = |v: &Value| condition.as_ref().is_none_or(|c| c.holds(v, links));
                many(item, path, links).iter().any(holds)
            }
            Expr::Count(path, op, n) => {
                let size = i64::try_from(many(item, path, links).len()).unwrap_or(i64::MAX);
                op.allows(Some(size.cmp(n)))
            }
            Expr::IsOf(of) => {
                let own = item["@odata.type"].as_str().map(|t| t.trim_start_matches('#').trim_start_matches(SPACE));
                own.is_some_and(|own| facts::types().is_a(own, of.trim_start_matches(SPACE)))
            }
        }
    }
}

impl Function {
    /// Entra compares text without regard to case.
    fn holds(self, value: &str, text: &str) -> bool {
        let (value, text) = (value.to_lowercase(), text.to_lowercase());
        match self {
            Function::StartsWith => value.starts_with(&text),
            Function::EndsWith => value.ends_with(&text),
            Function::Contains => value.contains(&text),
        }
    }
}

/// The value at a path: of the object itself, or behind its link to one other.
fn at<'a>(item: &'a Value, path: &[String], links: &dyn Links) -> std::borrow::Cow<'a, Value> {
    use std::borrow::Cow;
    let Some((first, rest)) = path.split_first() else { return Cow::Borrowed(item) };
    match item.get(first) {
        Some(value) => Cow::Borrowed(rest.iter().fold(value, |v, p| v.get(p).unwrap_or(&Value::Null))),
        None => {
            let target = links.targets(item, first).into_iter().next().unwrap_or(Value::Null);
            Cow::Owned(rest.iter().fold(&target, |v, p| v.get(p).unwrap_or(&Value::Null)).clone())
        }
    }
}

/// The items of a collection: of the object itself, or behind its link to many.
fn many(item: &Value, path: &[String], links: &dyn Links) -> Vec<Value> {
    match path {
        [link] if item.get(link).is_none() => links.targets(item, link),
        _ => at(item, path, links).as_array().cloned().unwrap_or_default(),
    }
}
