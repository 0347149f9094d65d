//! Links that Graph shows below an object: `/groups/{id}/members`, `/users/{id}/manager`, and the same as `$expand`.
use serde_json::Value;

use super::query::{self, List};
use super::routes::{Routes, Tail};
use super::{
    Ctx, Reply, app_policies, app_role_assignments, applications, directory_roles, errors::Failure, grants, groups,
    objects, refs, roles, service_principals, units, users,
};
use crate::sandbox::state::{State, Tenant};

/// A navigation property.
#[derive(Debug)]
pub struct Nav {
    /// The type that has it, and its name there.
    pub of: &'static str,
    pub name: &'static str,
    /// The type of what it leads to, and whether to many.
    pub to: &'static str,
    pub many: bool,
    pub source: Source,
    /// What a link may lead to; empty: it cannot be written by `$ref`.
    pub targets: &'static [&'static str],
    /// Directory roles, one of which a user needs to write it.
    pub writers: &'static [&'static str],
}

/// Where its targets are known from.
#[derive(Debug)]
pub enum Source {
    /// The tenant's links of that name.
    Links,
    /// It follows from something else.
    Made(fn(&State, &Tenant, &str) -> Vec<Value>),
}

impl Nav {
    pub const fn many(of: &'static str, name: &'static str, to: &'static str, source: Source) -> Nav {
        Nav { of, name, to, many: true, source, targets: &[], writers: &[] }
    }

    pub const fn one(of: &'static str, name: &'static str, to: &'static str, source: Source) -> Nav {
        Nav { of, name, to, many: false, source, targets: &[], writers: &[] }
    }

    /// It can be written by `$ref`, to objects of these types.
    pub const fn writable(mut self, targets: &'static [&'static str]) -> Nav {
        self.targets = targets;
        self
    }

    pub const fn by(mut self, writers: &'static [&'static str]) -> Nav {
        self.writers = writers;
        self
    }

    /// What it leads to, from an object.
    pub fn targets_of(&self, state: &State, tenant: &Tenant, id: &str) -> Vec<Value> {
        match self.source {
            Source::Made(make) => make(state, tenant, id),
            Source::Links => {
                tenant.links.of(id, self.name).filter_map(|target| objects::object(state, tenant, target)).collect()
            }
        }
    }
}

fn all() -> impl Iterator<Item = &'static Nav> {
    [
        applications::NAVS,
        service_principals::NAVS,
        groups::NAVS,
        users::NAVS,
        app_policies::NAVS,
        app_role_assignments::NAVS,
        grants::NAVS,
        units::NAVS,
        directory_roles::NAVS,
        roles::NAVS,
    ]
    .into_iter()
    .flatten()
}

pub fn named(of: &str, name: &str) -> Option<&'static Nav> {
    all().find(|n| n.of == of && n.name == name)
}

/// The routes of all links of a type.
pub fn routes(to: &mut Routes, path: &str, of: &'static str) {
    for nav in all().filter(|n| n.of == of) {
        let at = format!("{path}/{{key}}/{}", nav.name);
        let dashed = dashed(nav.name);
        to.read(at.clone(), format!("list-{dashed}"), nav.to, if nav.many { list } else { one }).nav = Some(nav);
        if !nav.targets.is_empty() {
            refs::routes(to, &at, &dashed, nav);
        }
    }
}

/// `memberOf` → `member-of`.
fn dashed(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            out.push('-');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

fn of_route(ctx: &Ctx) -> Result<&'static Nav, Failure> {
    ctx.route.nav.ok_or_else(|| Failure::segment(&ctx.route.pattern))
}

/// All that a link leads to.
pub fn list(ctx: &mut Ctx) -> Reply {
    let nav = of_route(ctx)?;
    let id = ctx.found(nav.of, 0)?;
    let mut items = nav.targets_of(ctx.state, ctx.tenant()?, &id);
    let mut of = nav.to;
    if let Some(cast) = &ctx.cast {
        objects::of_type(&mut items, cast);
        of = crate::sandbox::facts::types().types.get_key_value(cast).map_or(of, |(name, _)| name.as_str());
    }
    let context = match nav.to {
        "directoryObject" if ctx.cast.is_none() => "directoryObjects".to_owned(),
        "directoryObject" => objects::collection_of(of).unwrap_or("directoryObjects").to_owned(),
        "oAuth2PermissionGrant" => "oauth2PermissionGrants".to_owned(),
        _ => {
            let before = ctx.route.pattern.split_once("/{").map_or("", |(collection, _)| collection);
            format!("{}('{id}')/{}", before.trim_start_matches('/'), nav.name)
        }
    };
    query::list(ctx, &List::directory(of, &context), items)
}

/// The one object that a link leads to.
pub fn one(ctx: &mut Ctx) -> Reply {
    let nav = of_route(ctx)?;
    let id = ctx.found(nav.of, 0)?;
    let item = nav.targets_of(ctx.state, ctx.tenant()?, &id).into_iter().next();
    let item = item.ok_or_else(|| Failure::not_found(nav.name))?;
    if ctx.tail == Some(Tail::Ref) {
        return query::reference(ctx, &item);
    }
    query::single(ctx, nav.to, "directoryObjects", item, 200)
}
