//! Which filters Graph serves: names and types first, then what is documented of each property.
use super::parse::incompatible;
use super::tokens::invalid;
use super::{Expr, Function, Literal, Op, Path};
use crate::sandbox::facts;
use crate::sandbox::facts::queries::{self, Served};
use crate::sandbox::graph::errors::Failure;
use crate::sandbox::graph::query::names::{self, Resolved};

/// Who filters what.
pub struct Scope<'a> {
    pub of: &'a str,
    /// Directory objects: only what is documented, much of it in advanced queries only.
    pub directory: bool,
    /// The objects that a link leads to: filtered in advanced queries only.
    pub is_link: bool,
    /// `ConsistencyLevel: eventual` and `$count=true`.
    pub advanced: bool,
    /// The links of the type that can be followed.
    pub followed: &'a dyn Fn(&str) -> bool,
}

/// Graph: known issues, query parameters.
const MOST_OR: usize = 15;

/// The filter with its names as the types declare them, or why Graph refuses it.
pub fn check(expr: Expr, scope: &Scope) -> Result<Expr, Failure> {
    if scope.is_link && !scope.advanced {
        let text = "The specified filter to the reference property query is currently not supported.";
        return Err(Failure::unsupported(text));
    }
    Check { scope, of: scope.of, prefix: String::new(), is_negated: false, in_or: false }.expr(expr)
}

/// A part of a filter, and where it stands.
struct Check<'a> {
    scope: &'a Scope<'a>,
    /// The type that names are looked up in.
    of: &'a str,
    /// Path of the collection whose lambda this is, as the table writes it.
    prefix: String,
    is_negated: bool,
    in_or: bool,
}

impl Check<'_> {
    fn expr(&self, expr: Expr) -> Result<Expr, Failure> {
        Ok(match expr {
            Expr::Or(all) => {
                self.limit(all.len())?;
                let inside = Check { in_or: true, prefix: self.prefix.clone(), ..*self };
                Expr::Or(all.into_iter().map(|e| inside.expr(e)).collect::<Result<_, _>>()?)
            }
            Expr::And(all) => Expr::And(all.into_iter().map(|e| self.expr(e)).collect::<Result<_, _>>()?),
            Expr::Not(inner) => {
                let inside = Check { is_negated: true, prefix: self.prefix.clone(), ..*self };
                Expr::Not(Box::new(inside.expr(*inner)?))
            }
            Expr::Compare(path, op, literal) => {
                let found = self.named(&path)?;
                fits(&found, &literal, op)?;
                self.serve(&found, word_of(op, &literal, &found), op)?;
                Expr::Compare(found.path, op, literal)
            }
            Expr::In(path, values) => {
                self.limit(values.len())?;
                let found = self.named(&path)?;
                for v in &values {
                    fits(&found, v, Op::Eq)?;
                    self.serve(&found, word_of(Op::Eq, v, &found), Op::Eq)?;
                }
                Expr::In(found.path, values)
            }
            Expr::Text(function, path, text) => self.text(function, &path, text)?,
            Expr::Any(path, condition) => self.any(&path, condition)?,
            Expr::Count(path, op, n) => self.count(&path, op, n)?,
            Expr::IsOf(of) if !self.scope.directory => Expr::IsOf(of),
            Expr::IsOf(_) => return Err(Failure::unsupported("Unsupported Query.")),
        })
    }

    fn limit(&self, clauses: usize) -> Result<(), Failure> {
        if self.scope.directory && !self.scope.advanced && clauses > MOST_OR {
            return Err(Failure::unsupported(format!(
                "Too many child clauses specified in search filter expression containing 'OR' operators: {clauses}. Max allowed: {MOST_OR}."
            )));
        }
        Ok(())
    }

    fn named(&self, path: &Path) -> Result<Resolved, Failure> {
        let found = names::resolve("Invalid filter clause: ", self.of, path)?;
        let first = found.path.first().map_or("", String::as_str);
        if found.link && !(self.prefix.is_empty() && (self.scope.followed)(first)) {
            return Err(self.unsupported(&found.path));
        }
        Ok(found)
    }

    fn text(&self, function: Function, path: &Path, text: String) -> Result<Expr, Failure> {
        let found = self.named(path)?;
        if found.many || found.kind.as_deref().is_some_and(|k| k != "String") {
            let name = match function {
                Function::StartsWith => "startswith",
                Function::EndsWith => "endswith",
                Function::Contains => "contains",
            };
            return Err(invalid(&format!(
                "No function signature for the function with name '{name}' matches the specified arguments."
            )));
        }
        let word = match function {
            Function::StartsWith => "sw",
            Function::EndsWith => "ends",
            Function::Contains => "contains",
        };
        self.serve(&found, word, Op::Eq)?;
        Ok(Expr::Text(function, found.path, text))
    }

    fn any(&self, path: &Path, condition: Option<Box<Expr>>) -> Result<Expr, Failure> {
        let found = self.named(path)?;
        let (Some(kind), true) = (found.kind.as_deref(), found.many) else {
            return Err(invalid("Any/All may only be used following a collection."));
        };
        let Some(condition) = condition else {
            return if self.scope.directory {
                Err(self.unsupported(&found.path))
            } else {
                Ok(Expr::Any(found.path, None))
            };
        };
        let complex = facts::of_type(kind).is_some();
        let identities = found.path == ["identities"];
        let many = matches!(*condition, Expr::Or(_)) || matches!(*condition, Expr::And(_)) && !identities;
        if self.scope.directory && !self.scope.advanced && complex && (many || self.in_or) {
            let name = found.path.join("/");
            return Err(Failure::unsupported(format!("Complex query on property {name} is not supported.")));
        }
        let inside = Check { of: kind, prefix: format!("{}/any", found.path.join("/")), ..*self };
        let condition = inside.expr(*condition)?;
        Ok(Expr::Any(found.path, Some(Box::new(condition))))
    }

    fn count(&self, path: &Path, op: Op, n: i64) -> Result<Expr, Failure> {
        let found = self.named(path)?;
        if !found.many {
            return Err(invalid("$count can only follow a collection."));
        }
        if self.scope.directory {
            let word = match (op, n) {
                (Op::Eq | Op::Ne, 0) => "0",
                (Op::Eq | Op::Ne, 1) => "1",
                _ => return Err(self.unsupported(&found.path)),
            };
            let key = format!("{}/$count", found.path.join("/"));
            self.level(self.documented(&key, word, &found), &found.path, op, word)?;
        }
        Ok(Expr::Count(found.path, op, n))
    }

    /// Whether the table serves this of a property.
    fn serve(&self, found: &Resolved, word: &str, op: Op) -> Result<(), Failure> {
        if !self.scope.directory {
            return Ok(());
        }
        let own = found.path.join("/");
        let key = match (self.prefix.is_empty(), own.is_empty()) {
            (true, _) => own,
            (false, true) => self.prefix.clone(),
            (false, false) => format!("{}/{own}", self.prefix),
        };
        let path = if found.path.is_empty() {
            vec![self.prefix.trim_end_matches("/any").to_owned()]
        } else {
            found.path.clone()
        };
        self.level(self.documented(&key, word, found), &path, op, word)
    }

    fn level(&self, served: Served, path: &[String], op: Op, word: &str) -> Result<(), Failure> {
        let negated = self.is_negated || op == Op::Ne;
        let needed = if negated { served.min(Served::Advanced) } else { served };
        match needed {
            Served::Always => Ok(()),
            Served::Advanced if self.scope.advanced => Ok(()),
            Served::Advanced if word == "ends" => Err(missing("endsWith")),
            Served::Advanced if served == Served::Always && self.is_negated => Err(missing("Not")),
            Served::Advanced if served == Served::Always => Err(missing("NotEqualsMatch")),
            _ => Err(self.unsupported(path)),
        }
    }

    fn documented(&self, key: &str, word: &str, found: &Resolved) -> Served {
        if let Some(table) = queries::of(self.scope.of) {
            // Graph: directory extensions.
            let extension = found.path.first().is_some_and(|p| crate::sandbox::graph::shape::is_extension(p));
            return match (extension, word) {
                (true, "eq") => Served::Always,
                (true, "sw" | "null") => Served::Advanced,
                _ => table.filters(key, word),
            };
        }
        if self.scope.of == "directoryObject" {
            let any = queries::all().values().map(|t| t.filters(key, word)).max();
            return any.unwrap_or(Served::Never).min(Served::Advanced);
        }
        match (word, found.kind.as_deref()) {
            ("eq", Some("String" | "Guid" | "Boolean")) | ("sw", Some("String")) => Served::Always,
            ("eq", Some(kind)) if facts::types().enums.contains_key(kind) => Served::Always,
            _ => Served::Never,
        }
    }

    fn unsupported(&self, path: &[String]) -> Failure {
        let name = match self.prefix.split('/').next() {
            Some(first) if !first.is_empty() => first,
            _ => path.first().map_or("", String::as_str),
        };
        let of = self.scope.of;
        let noun = facts::noun(of);
        Failure::unsupported(format!(
            "Unsupported or invalid query filter clause specified for property '{name}' of resource '{noun}'."
        ))
    }
}

/// Graph: advanced queries, error handling.
fn missing(operator: &str) -> Failure {
    Failure::unsupported(format!(
        "Operator '{operator}' is not supported because the required parameters might be missing. Try adding $count=true query parameter and ConsistencyLevel:eventual header. Refer to https://aka.ms/graph-docs/advanced-queries for more information"
    ))
}

/// How the table calls an operator. What can be compared by its beginning, can be compared by `ge`.
fn word_of(op: Op, literal: &Literal, found: &Resolved) -> &'static str {
    match op {
        Op::Eq | Op::Ne if *literal == Literal::Null => "null",
        Op::Eq | Op::Ne => "eq",
        Op::Ge | Op::Le if found.kind.as_deref() == Some("String") => "sw",
        Op::Ge | Op::Le => "ge",
        // Graph: the properties of directory objects list `ge` and `le` alone.
        Op::Gt | Op::Lt => "gt",
    }
}

/// Whether a value of that property can be compared with the constant.
fn fits(found: &Resolved, literal: &Literal, op: Op) -> Result<(), Failure> {
    let Some(kind) = found.kind.as_deref() else { return Ok(()) };
    let members = facts::types().enums.get(kind);
    let is_value = members.is_some() || facts::of_type(kind).is_none();
    let fits = is_value && !found.many && literal.fits(kind, members.is_some());
    if !fits && *literal != Literal::Null {
        let name = if is_value { format!("Edm.{kind}") } else { format!("microsoft.graph.{kind}") };
        return Err(incompatible(&name, literal, op));
    }
    match (members, literal) {
        (Some(members), Literal::Text(text) | Literal::Member(text)) if !is_member(members, text) => {
            Err(invalid(&format!("The string '{text}' is not a valid enumeration type constant.")))
        }
        _ => Ok(()),
    }
}

/// One member, or several of a flags enum.
fn is_member(members: &[String], text: &str) -> bool {
    text.split(',').all(|part| members.iter().any(|m| m.eq_ignore_ascii_case(part.trim())))
}
