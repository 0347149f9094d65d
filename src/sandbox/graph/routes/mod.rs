//! The routes of Graph that are served: each with its name (what `refuse` calls it), its type, roles and handler.
//! Each area of Graph brings its own; what a path means beyond them, [`path`] says.
pub mod path;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::OnceLock;

use super::errors::Failure;
use super::nav::Nav;
use super::sets::Set;
use super::{Ctx, Reply, areas};
use crate::sandbox::facts::{self, Rule};
pub use path::{Key, Tail};
use path::{Part, Segment};

pub type Handler = fn(&mut Ctx) -> Reply;

pub struct Route {
    pub method: &'static str,
    /// `/applications/{key}/owners`; what is in braces is captured.
    pub pattern: Cow<'static, str>,
    pub name: Cow<'static, str>,
    /// Graph type of what is answered or written.
    pub of: &'static str,
    pub write: bool,
    /// Directory roles, one of which a delegated caller needs; empty: the handler decides, or none is needed.
    pub roles: &'static [&'static str],
    /// An owner of the object needs no role.
    pub or_owner: bool,
    /// v1.0 does not have it.
    pub beta: bool,
    pub handler: Handler,
    /// The collection that it is about, when that has no behaviour of its own.
    pub set: Option<&'static Set>,
    /// The link that it is about.
    pub nav: Option<&'static Nav>,
    parts: Vec<Part>,
    /// The pattern as [`facts::permits`] writes it.
    rule: String,
}

impl Route {
    /// The route is for those who hold one of these directory roles, where a user asks.
    pub fn by(&mut self, roles: &'static [&'static str]) -> &mut Route {
        self.roles = roles;
        self
    }

    pub fn or_owner(&mut self) -> &mut Route {
        self.or_owner = true;
        self
    }

    pub fn only_beta(&mut self) -> &mut Route {
        self.beta = true;
        self
    }

    /// It is about a collection without behaviour of its own.
    pub fn of_set(&mut self, set: &'static Set) -> &mut Route {
        self.set = Some(set);
        self
    }

    /// The pattern as the tables of permissions and of activities write it.
    pub fn rule_path(&self) -> &str {
        &self.rule
    }

    /// What opens it; a path under `/me` and a cast may have rules of their own.
    pub fn rule(&self, of_caller: bool, cast: Option<&str>) -> Option<&'static Rule> {
        let look = |path: &str| facts::permits().get(path).and_then(|methods| methods.get(self.method));
        let cast = cast.and_then(|c| look(&format!("{}/microsoft.graph.{}", self.rule, c.to_ascii_lowercase())));
        let own =
            || self.rule.strip_prefix("/users/{}").filter(|_| of_caller).and_then(|rest| look(&format!("/me{rest}")));
        cast.or_else(own).or_else(|| look(&self.rule))
    }
}

/// Routes as they are added, area by area.
#[derive(Default)]
pub struct Routes(Vec<Route>);

impl Routes {
    fn add(
        &mut self,
        method: &'static str,
        pattern: impl Into<Cow<'static, str>>,
        name: impl Into<Cow<'static, str>>,
        of: &'static str,
        handler: Handler,
    ) -> &mut Route {
        let pattern = pattern.into();
        let (parts, rule) = (path::parts(&pattern), path::rule(&pattern));
        let name = name.into();
        let at = self.0.len();
        let (write, roles): (bool, &[&str]) = (method != "GET", &[]);
        self.0.push(Route {
            method,
            pattern,
            name,
            of,
            write,
            roles,
            or_owner: false,
            beta: false,
            handler,
            set: None,
            nav: None,
            parts,
            rule,
        });
        &mut self.0[at]
    }

    /// Whether a path can be read already.
    pub fn reads(&self, pattern: &str) -> bool {
        self.0.iter().any(|r| r.method == "GET" && r.pattern == pattern)
    }

    pub fn read(
        &mut self,
        pattern: impl Into<Cow<'static, str>>,
        name: impl Into<Cow<'static, str>>,
        of: &'static str,
        handler: Handler,
    ) -> &mut Route {
        self.add("GET", pattern, name, of, handler)
    }

    /// A `POST` that only asks.
    pub fn ask(
        &mut self,
        pattern: impl Into<Cow<'static, str>>,
        name: impl Into<Cow<'static, str>>,
        of: &'static str,
        handler: Handler,
    ) -> &mut Route {
        let route = self.add("POST", pattern, name, of, handler);
        route.write = false;
        route
    }

    pub fn write(
        &mut self,
        method: &'static str,
        pattern: impl Into<Cow<'static, str>>,
        name: impl Into<Cow<'static, str>>,
        of: &'static str,
        handler: Handler,
    ) -> &mut Route {
        self.add(method, pattern, name, of, handler)
    }

    /// All that a collection without behaviour of its own can do, but for what has a route already.
    pub fn set(&mut self, set: &'static Set, readers: &'static [&'static str], writers: &'static [&'static str]) {
        use super::sets;
        let (path, one, many) = (set.path, set.one, set.many);
        let item = format!("{path}/{{key}}");
        self.read(path, format!("list-{many}"), set.of, sets::list).of_set(set).by(readers);
        self.read(item.clone(), format!("get-{one}"), set.of, sets::get).of_set(set).by(readers);
        if set.is_fixed {
            return;
        }
        let changes: [(&'static str, String, String, Handler); 3] = [
            ("POST", path.to_owned(), format!("create-{one}"), sets::create),
            ("PATCH", item.clone(), format!("update-{one}"), sets::update),
            ("DELETE", item, format!("delete-{one}"), sets::delete),
        ];
        for (method, path, name, handler) in changes {
            if self.0.iter().any(|r| r.method == method && r.pattern == path) {
                continue;
            }
            let route = self.write(method, path, name, set.of, handler).of_set(set).by(writers);
            // What is inside an object belongs to whom that belongs to.
            route.or_owner = set.owner.is_some();
        }
    }

    /// An object that a tenant always has exactly one of.
    pub fn singleton(
        &mut self,
        method: &'static str,
        set: &'static Set,
        readers: &'static [&'static str],
        writers: &'static [&'static str],
    ) {
        use super::sets;
        self.read(set.path, format!("get-{}", set.one), set.of, sets::get_singleton).of_set(set).by(readers);
        self.write(method, set.path, format!("update-{}", set.one), set.of, sets::update_singleton)
            .of_set(set)
            .by(writers);
    }
}

/// All routes, and where those of a first segment are.
struct Table {
    all: Vec<Route>,
    by_word: HashMap<String, Vec<usize>>,
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut routes = Routes::default();
        areas(&mut routes);
        let mut by_word: HashMap<String, Vec<usize>> = HashMap::new();
        for (i, route) in routes.0.iter().enumerate() {
            if let Some(Part::Word(word)) = route.parts.first() {
                by_word.entry(word.clone()).or_default().push(i);
            }
        }
        // A word is a better fit than a key.
        let keys = |i: &usize| routes.0[*i].parts.iter().filter(|p| matches!(p, Part::Key)).count();
        by_word.values_mut().for_each(|those| those.sort_by_key(keys));
        Table { all: routes.0, by_word }
    })
}

pub fn all() -> &'static [Route] {
    &table().all
}

/// A request's route, and what its path says besides.
#[derive(Debug, Clone)]
pub struct Match {
    pub route: &'static Route,
    pub version: &'static str,
    /// What the pattern's `{…}` captured, in order.
    pub keys: Vec<Key>,
    /// `…/microsoft.graph.user`: only objects of this type are meant.
    pub cast: Option<String>,
    pub tail: Option<Tail>,
    /// The path begins with `/me`.
    pub of_caller: bool,
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.pattern)
    }
}

/// The route of a path below the version, or Graph's own answer to a wrong one.
pub fn find(method: &str, raw: &str, version: &'static str) -> Result<Match, Failure> {
    let mut segments = path::segments(raw);
    let of_caller = path::resolve_me(&mut segments);
    let cast = path::take_casts(&mut segments);
    match lookup(method, &segments, version) {
        Ok((route, keys)) => Ok(Match { route, version, keys, cast, tail: None, of_caller }),
        Err(missed) => {
            let Some((tail, rest)) = path::split_tail(&segments).filter(|_| method == "GET") else {
                return Err(missed.failure(&segments));
            };
            let (route, keys) = lookup(method, rest, version).map_err(|_| missed.failure(&segments))?;
            Ok(Match { route, version, keys, cast, tail: Some(tail), of_caller })
        }
    }
}

/// How far a path was known.
struct Missed {
    furthest: usize,
    other_method: bool,
}

impl Missed {
    fn failure(&self, path: &[Segment]) -> Failure {
        if self.other_method {
            let text = "Specified HTTP method is not allowed for the request target.";
            return Failure::new(405, "Request_BadRequest", text);
        }
        match path.get(self.furthest) {
            Some(segment) => Failure::segment(segment.text()),
            None => Failure::segment(""),
        }
    }
}

fn lookup(method: &str, path: &[Segment], version: &str) -> Result<(&'static Route, Vec<Key>), Missed> {
    let mut missed = Missed { furthest: 0, other_method: false };
    let table = table();
    let first = path.first().map(|s| s.text().to_ascii_lowercase()).unwrap_or_default();
    for route in table.by_word.get(&first).into_iter().flatten().map(|i| &table.all[*i]) {
        match path::fit(&route.parts, path) {
            Ok(_) if route.beta && version != "beta" => missed.furthest = missed.furthest.max(route.parts.len() - 1),
            Ok(keys) if route.method == method => return Ok((route, keys)),
            Ok(_) => missed.other_method = true,
            Err(n) => missed.furthest = missed.furthest.max(n),
        }
    }
    Err(missed)
}
