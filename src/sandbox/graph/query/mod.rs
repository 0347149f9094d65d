//! Query options of lists and of single objects: which items, in what order, in pages, and what is shown of them.
mod expand;
pub mod names;
mod options;
mod order;
mod page;
mod prefer;
mod search;
mod select;
pub mod token;
mod wire;

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::errors::Failure;
use super::routes::Tail;
use super::{Ctx, Reply, filter, shape};
use crate::sandbox::http::{Answer, Body};
use expand::Expand;
pub use options::normalised;
pub use page::link;
pub use prefer::applied;
pub use select::Selection;
pub use wire::{Metadata, check_format, dress, finish, prefers};

/// How a collection behaves.
pub struct List<'a> {
    /// Graph type of the items.
    pub of: &'a str,
    /// What follows `$metadata#` in the context.
    pub context: &'a str,
    pub default_top: usize,
    pub max_top: usize,
    /// Directory objects refuse advanced queries without `ConsistencyLevel: eventual` and `$count=true`.
    pub directory: bool,
}

impl<'a> List<'a> {
    pub fn directory(of: &'a str, context: &'a str) -> Self {
        List { of, context, default_top: 100, max_top: 999, directory: true }
    }
    /// Graph: delegatedAdminRelationships, `$top` ≤ 300.
    pub fn gdap(of: &'a str, context: &'a str) -> Self {
        List { of, context, default_top: 300, max_top: 300, directory: false }
    }
}

/// Answers a collection out of all its items.
pub fn list(ctx: &Ctx, how: &List, items: Vec<Value>) -> Reply {
    paged(ctx, how, items, |item| Cow::Borrowed(item), |item| item)
}

/// As [`list`], for collections as large as the fleet: only the items of the page are made.
pub fn lazy<T>(ctx: &Ctx, how: &List, rows: Vec<T>, props: impl Fn(&T) -> Value) -> Reply {
    let whole = |row: T| shape::filled(how.of, props(&row));
    paged(ctx, how, rows, |row| Cow::Owned(props(row)), whole)
}

/// What a query asks of a list, besides its page.
struct Asked {
    eventual: bool,
    count: bool,
    /// The objects that a link leads to.
    is_link: bool,
}

impl Asked {
    fn of(ctx: &Ctx, how: &List) -> Result<Asked, Failure> {
        if how.directory {
            options::check_arguments(ctx.call)?;
        }
        let is_link = how.directory
            && ctx.route.nav.is_some()
            && !["appRoleAssignment", "oAuth2PermissionGrant"].contains(&how.of)
            && (names::is_directory(how.of) || how.of == "directoryObject");
        Ok(Asked { eventual: options::is_eventual(ctx.call), count: options::count(ctx.call)?, is_link })
    }

    fn advanced(&self) -> bool {
        self.eventual && self.count
    }
}

/// `look` is what filters and orders go by.
fn paged<T>(
    ctx: &Ctx,
    how: &List,
    items: Vec<T>,
    look: impl Fn(&T) -> Cow<'_, Value>,
    show: impl Fn(T) -> Value,
) -> Reply {
    if ctx.whole {
        return Ok(Answer::json(200, items.into_iter().map(show).collect()));
    }
    let asked = Asked::of(ctx, how)?;
    let shown = Shown::of(ctx, how.of, asked.advanced())?;
    let items = chosen(ctx, how, &asked, items, &look)?;
    let total = items.len();
    if ctx.tail == Some(Tail::Count) {
        if how.directory && !asked.eventual {
            return Err(Failure::bad("$count is not currently supported."));
        }
        let body = Body::Bytes("text/plain", total.to_string().into_bytes());
        return Ok(Answer { status: 200, headers: Vec::new(), body });
    }
    let (top, start) = (page::size(ctx, how)?, page::start(ctx, how, &items, &look)?);
    let empty = if total > top { page::empty(ctx, start) } else { None };
    let shown_here = if empty.is_some() { 0 } else { top };
    let page: Vec<Value> = items.into_iter().skip(start).take(shown_here).map(show).collect();
    let mut body = Map::new();
    let context = match ctx.tail {
        Some(Tail::Ref) => "Collection($ref)".to_owned(),
        _ => shown.context(how.context),
    };
    body.insert("@odata.context".to_owned(), json!(metadata(ctx, &context)));
    // The directory counts on the first page, and only when its index is asked.
    let counts = !how.directory || (asked.eventual && ctx.call.param("$skiptoken").is_none());
    if asked.count && counts {
        body.insert("@odata.count".to_owned(), json!(total));
    }
    if let Some(link) = empty {
        body.insert("@odata.nextLink".to_owned(), json!(link));
    } else if let Some(last) = page.last().filter(|_| start + page.len() < total) {
        body.insert("@odata.nextLink".to_owned(), json!(page::next_link(ctx, start + page.len(), last)));
    }
    let each = |item: Value| match ctx.tail {
        Some(Tail::Ref) => reference_to(ctx, how.of, &item),
        _ => shown.apply(ctx, how.of, item),
    };
    body.insert("value".to_owned(), page.into_iter().map(each).collect());
    Ok(Answer::json(200, Value::Object(body)))
}

/// The items that the query's filter and search leave, in its order.
fn chosen<T>(
    ctx: &Ctx,
    how: &List,
    asked: &Asked,
    mut items: Vec<T>,
    look: &impl Fn(&T) -> Cow<'_, Value>,
) -> Result<Vec<T>, Failure> {
    let (filter, search) = (ctx.call.param("$filter"), ctx.call.param("$search"));
    if let Some(text) = filter {
        let scope = filter::Scope {
            of: how.of,
            directory: how.directory,
            is_link: asked.is_link,
            advanced: asked.advanced(),
            followed: &|link| expand::is_followed(how.of, link),
        };
        let expr = filter::check(filter::parse(text)?, &scope)?;
        let links = expand::Followed { ctx, of: how.of };
        items.retain(|i| expr.holds(&look(i), &links));
    }
    if let Some(text) = search {
        check_search(how, asked)?;
        let search = search::parse(how.of, text)?;
        items.retain(|i| search.holds(&look(i)));
    }
    let Some(text) = ctx.call.param("$orderby") else { return Ok(items) };
    let scope = order::Scope {
        of: how.of,
        directory: how.directory,
        // Graph: `$search` needs no `$count`.
        advanced: asked.advanced() || (asked.eventual && search.is_some()),
        strict: filter.is_some() || search.is_some() || asked.is_link,
    };
    order::sort(&scope, text, items, look)
}

fn check_search(how: &List, asked: &Asked) -> Result<(), Failure> {
    if !how.directory {
        return Err(Failure::bad_query(
            "The query specified in the URI is not valid. Query option 'Search' is not allowed. To allow it, set the 'AllowedQueryOptions' property on EnableQueryAttribute or QueryValidationSettings.",
        ));
    }
    if !asked.eventual {
        return Err(Failure::unsupported(
            "Request with $search query parameter only works through MSGraph with a special request header: 'ConsistencyLevel: eventual'",
        ));
    }
    Ok(())
}

/// What is shown of each object.
struct Shown {
    select: Selection,
    expand: Vec<Expand>,
}

impl Shown {
    fn of(ctx: &Ctx, of: &str, advanced: bool) -> Result<Shown, Failure> {
        let select = Selection::of(ctx.version, of, ctx.call.param("$select"))?;
        let expand = expand::parse(of, ctx.call.param("$expand"), advanced)?;
        // Graph: advanced queries do not expand; `$levels` is the exception.
        if !expand.is_empty() && ctx.call.param("$search").is_some() {
            return Err(Failure::unsupported("$expand is not currently supported with advanced queries."));
        }
        Ok(Shown { select, expand })
    }

    fn context(&self, name: &str) -> String {
        let expanded = self.expand.iter().map(Expand::context);
        let parts: Vec<String> = self.select.names().iter().cloned().chain(expanded).collect();
        if parts.is_empty() { name.to_owned() } else { format!("{name}({})", parts.join(",")) }
    }

    fn apply(&self, ctx: &Ctx, of: &str, item: Value) -> Value {
        let Value::Object(mut map) = item else { return item };
        let id = map.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        self.select.apply(of, &mut map);
        dress(ctx, of, &mut map);
        self.expand.iter().for_each(|e| e.apply(ctx, &id, &mut map));
        Value::Object(map)
    }
}

/// Answers a single object, with its context and `$select`.
pub fn single(ctx: &Ctx, of: &str, context_of: &str, item: Value, status: u16) -> Reply {
    if let Some(tail) = ctx.tail {
        // Neither can follow an object.
        return Err(Failure::segment(if tail == Tail::Count { "$count" } else { "$ref" }));
    }
    options::check_single(ctx.call)?;
    let advanced = options::is_eventual(ctx.call) && options::count(ctx.call)?;
    let shown = Shown::of(ctx, of, advanced)?;
    let mut body = Map::new();
    body.insert("@odata.context".to_owned(), json!(metadata(ctx, &format!("{}/$entity", shown.context(context_of)))));
    if let Value::Object(map) = shown.apply(ctx, of, item) {
        body.extend(map);
    }
    Ok(Answer::json(status, Value::Object(body)))
}

/// An object as a reference to it.
fn reference_to(ctx: &Ctx, of: &str, item: &Value) -> Value {
    let id = item.get("id").and_then(Value::as_str).unwrap_or_default();
    let own = item.as_object().map_or(of, |map| names::own_type(of, map));
    json!({ "@odata.id": wire::reference(ctx, own, id) })
}

/// Answers a reference to a single object.
pub fn reference(ctx: &Ctx, item: &Value) -> Reply {
    let mut body = reference_to(ctx, "", item);
    body["@odata.context"] = json!(metadata(ctx, "$ref"));
    Ok(Answer::json(200, body))
}

/// The address of a context.
pub fn metadata(ctx: &Ctx, name: &str) -> String {
    format!("{}/{}/$metadata#{name}", ctx.call.base(), ctx.version)
}
