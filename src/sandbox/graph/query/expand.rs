//! `$expand`: what links lead to, shown inside the object that has them.
use serde_json::{Map, Value, json};

use super::names::{self, is_directory};
use super::select::{PARSING, Selection};
use crate::sandbox::graph::errors::Failure;
use crate::sandbox::graph::nav::{self, Nav};
use crate::sandbox::graph::sets::{self, Set};
use crate::sandbox::graph::{Ctx, filter, routes};

/// Where a link's targets are found.
#[derive(Debug, Clone, Copy)]
enum Source {
    Nav(&'static Nav),
    /// A collection inside the object.
    Set(&'static Set),
}

/// One link to expand.
#[derive(Debug)]
pub struct Expand {
    name: String,
    source: Source,
    select: Selection,
    /// How far up: `$levels` of a manager.
    levels: usize,
}

/// Graph: known issues, query parameters.
const MOST: usize = 20;
/// `$levels=max`.
const HIGHEST: usize = 1000;

fn source(of: &str, link: &str) -> Option<Source> {
    let inside = |s: &&'static Set| s.owner == Some(of) && s.path.rsplit('/').next() == Some(link);
    let set = || routes::all().iter().filter_map(|r| r.set).find(inside).map(Source::Set);
    nav::named(of, link).map(Source::Nav).or_else(set)
}

/// Whether a link of a type can be followed.
pub fn is_followed(of: &str, link: &str) -> bool {
    source(of, link).is_some()
}

/// The objects behind a link.
fn targets(ctx: &Ctx, source: Source, id: &str) -> Vec<Value> {
    let Ok(tenant) = ctx.tenant() else { return Vec::new() };
    match source {
        Source::Nav(nav) => nav.targets_of(ctx.state, tenant, id),
        Source::Set(set) => sets::inside(tenant, set, id),
    }
}

/// Links as filters follow them.
pub struct Followed<'a, 'b> {
    pub ctx: &'a Ctx<'b>,
    pub of: &'a str,
}

impl filter::Links for Followed<'_, '_> {
    fn targets(&self, item: &Value, link: &str) -> Vec<Value> {
        let id = item.get("id").and_then(Value::as_str);
        match (id, source(self.of, link)) {
            (Some(id), Some(source)) => targets(self.ctx, source, id),
            _ => Vec::new(),
        }
    }
}

/// What `$expand` asks for, or why Graph refuses it.
pub fn parse(of: &str, text: Option<&str>, advanced: bool) -> Result<Vec<Expand>, Failure> {
    let parts: Vec<&str> = split(text.unwrap_or_default(), ',');
    if parts.len() > 1 && is_directory(of) {
        return Err(Failure::bad_query(format!(
            "The result of parsing $expand contained at least {} items, but the maximum allowed is 1.",
            parts.len()
        )));
    }
    parts.into_iter().map(|p| one(of, p, advanced)).collect()
}

/// Parts of a text between a separator that is not in parentheses.
fn split(text: &str, by: char) -> Vec<&str> {
    let mut depth = 0_usize;
    let between = |c: char| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == by && depth == 0
    };
    text.split(between).map(str::trim).filter(|p| !p.is_empty()).collect()
}

fn one(of: &str, text: &str, advanced: bool) -> Result<Expand, Failure> {
    let (word, options) = match text.split_once('(') {
        Some((word, rest)) => (word.trim(), rest.strip_suffix(')').ok_or_else(|| not_valid(text))?),
        None => (text, ""),
    };
    if word == "*" || word.starts_with('$') {
        return Err(not_valid(text));
    }
    let found = names::resolve(PARSING, of, &[word.to_owned()])?;
    let name = found.path.into_iter().next().unwrap_or_default();
    if !found.link {
        return Err(Failure::bad_query(format!(
            "{PARSING}Property '{name}' on type 'microsoft.graph.{of}' is not a navigation property or complex property. Only navigation properties can be expanded."
        )));
    }
    let source = source(of, &name).ok_or_else(|| {
        // Graph: error handling for query parameters.
        let text = format!("Expand is not allowed for property '{name}' according to the entity schema.");
        Failure::new(400, "ExpandNotSupported", text)
    })?;
    let mut out = Expand { name, source, select: Selection::Whole, levels: 1 };
    let target = found.kind.unwrap_or_default();
    for option in split(options, ';') {
        nested(&mut out, &target, option, advanced)?;
    }
    Ok(out)
}

fn not_valid(text: &str) -> Failure {
    Failure::bad_query(format!("{PARSING}Term '{text}' is not valid in a $select or $expand expression."))
}

fn nested(out: &mut Expand, target: &str, option: &str, advanced: bool) -> Result<(), Failure> {
    let (name, value) = option.split_once('=').ok_or_else(|| not_valid(option))?;
    match name.trim().trim_start_matches('$').to_ascii_lowercase().as_str() {
        "select" => out.select = Selection::parse(target, Some(value))?,
        "levels" if out.name != "manager" => {
            return Err(Failure::bad_query(format!("{PARSING}$levels is not supported on '{}'.", out.name)));
        }
        "levels" if !advanced => {
            return Err(Failure::unsupported(
                "$levels is not supported because the required parameters might be missing. Try adding $count=true query parameter and ConsistencyLevel:eventual header. Refer to https://aka.ms/graph-docs/advanced-queries for more information",
            ));
        }
        "levels" if value == "max" => out.levels = HIGHEST,
        "levels" => {
            let levels = value.parse().ok().filter(|n| (1..=HIGHEST).contains(n));
            out.levels = levels.ok_or_else(|| Failure::bad_query(format!("Invalid value '{value}' for $levels.")))?;
        }
        other => {
            return Err(Failure::bad_query(format!("{PARSING}The option '${other}' is not supported inside $expand.")));
        }
    }
    Ok(())
}

impl Expand {
    /// As it stands in a context: `members(id)`.
    pub fn context(&self) -> String {
        format!("{}({})", self.name, self.select.names().join(","))
    }

    /// Puts the link's targets into an object.
    pub fn apply(&self, ctx: &Ctx, id: &str, out: &mut Map<String, Value>) {
        let mut found = targets(ctx, self.source, id);
        let (of, many) = match self.source {
            Source::Nav(nav) => (nav.to, nav.many),
            Source::Set(set) => (set.of, true),
        };
        if is_directory(of) || of == "directoryObject" {
            found.truncate(MOST);
        }
        let shown = found.into_iter().map(|v| self.shown(v, of));
        if many {
            out.insert(self.name.clone(), Value::Array(shown.collect()));
        } else if self.levels > 1 {
            if let Some(chain) = self.chain(ctx, id, of) {
                out.insert(self.name.clone(), chain);
            }
        } else if let Some(one) = shown.into_iter().next() {
            out.insert(self.name.clone(), one);
        }
    }

    fn shown(&self, mut item: Value, of: &str) -> Value {
        if let Value::Object(map) = &mut item {
            self.select.apply(of, map);
            if map.get("@odata.type") == Some(&json!(format!("#microsoft.graph.{of}"))) {
                map.remove("@odata.type");
            }
        }
        item
    }

    /// A manager, its manager, and so on; nobody stands in it twice.
    fn chain(&self, ctx: &Ctx, id: &str, of: &str) -> Option<Value> {
        let mut ids = vec![id.to_owned()];
        let mut found: Vec<Value> = Vec::new();
        while found.len() < self.levels {
            let Some(next) = targets(ctx, self.source, ids.last()?).into_iter().next() else { break };
            let next_id = next.get("id").and_then(Value::as_str)?.to_owned();
            if ids.contains(&next_id) {
                break;
            }
            ids.push(next_id);
            found.push(self.shown(next, of));
        }
        found.into_iter().rev().reduce(|above, mut below| {
            below[self.name.as_str()] = above;
            below
        })
    }
}
