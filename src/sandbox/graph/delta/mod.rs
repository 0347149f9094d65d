//! Delta queries: what changed in a collection since a token was given.
mod change;
mod shown;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::errors::Failure;
use super::filter::{self, Expr, Literal, Op};
use super::query::{self, Selection, token};
use super::routes::{self, Routes};
use super::{Ctx, Reply, objects};
use crate::sandbox::http::{Answer, Body, Call};
use crate::sandbox::shelf::Mark;
pub use change::change;
use shown::shown;

pub fn routes(to: &mut Routes) {
    for (path, of) in [
        ("/users/delta", "user"),
        ("/groups/delta", "group"),
        ("/applications/delta", "application"),
        ("/servicePrincipals/delta", "servicePrincipal"),
        ("/directoryRoles/delta", "directoryRole"),
        ("/administrativeUnits/delta", "administrativeUnit"),
        ("/directory/administrativeUnits/delta", "administrativeUnit"),
        ("/oauth2PermissionGrants/delta", "oAuth2PermissionGrant"),
        ("/directoryObjects/delta", "directoryObject"),
    ] {
        let list = LISTS.iter().find(|(t, _)| *t == of).map(|(_, list)| *list);
        if list.is_none_or(|list| to.reads(list)) {
            to.read(path, format!("delta-{of}"), of, delta);
        }
    }
}

/// Where the objects of each type are listed.
const LISTS: [(&str, &str); 7] = [
    ("user", "/users"),
    ("group", "/groups"),
    ("application", "/applications"),
    ("servicePrincipal", "/servicePrincipals"),
    ("directoryRole", "/directoryRoles"),
    ("administrativeUnit", "/directory/administrativeUnits"),
    ("oAuth2PermissionGrant", "/oauth2PermissionGrants"),
];

/// The kinds of directory objects that a query over all of them tracks.
const OBJECTS: [&str; 4] = ["user", "group", "application", "servicePrincipal"];

const PAGE: usize = 200;
/// Graph: delta query overview, the life of a token for directory objects.
const LIFE: i64 = 7 * 86_400;
/// Graph: group delta, objects in a filter.
const MOST_FILTERED: usize = 50;

/// What a caller carries from one request to the next.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(default)]
struct Round {
    /// Changes after this are told; nothing: the round begins with all there is.
    since: Option<u64>,
    /// Where the round began: the next one tells what came after.
    until: u64,
    issued: i64,
    select: Option<String>,
    only: Vec<String>,
    kinds: Vec<String>,
    /// The last object that was told: by id, or by its place in the count.
    after: Option<String>,
    after_seq: u64,
}

fn delta(ctx: &mut Ctx) -> Reply {
    for option in ["$expand", "$orderby", "$search", "$skip", "$count"] {
        if ctx.call.param(option).is_some() {
            return Err(Failure::bad(format!("'{option}' is not supported by the service.")));
        }
    }
    let of = ctx.route.of;
    let round = begun(ctx)?;
    let selection = Selection::parse(of, round.select.as_deref())?;
    let size = ctx.call.param("$top").and_then(|t| t.parse().ok()).filter(|n| (1..=999).contains(n)).unwrap_or(PAGE);
    let told = match round.since {
        _ if ctx.call.param("$deltatoken") == Some("latest") => Told::default(),
        None => all(ctx, &round, &selection, size)?,
        Some(since) => changes(ctx, &round, since, &selection, size)?,
    };
    Ok(Answer::json(200, answered(ctx, &round, &selection, told)))
}

/// A page, and where the next one begins.
#[derive(Default)]
struct Told {
    items: Vec<Value>,
    next: Option<Round>,
}

fn answered(ctx: &Ctx, round: &Round, selection: &Selection, told: Told) -> Value {
    let collection = ctx.route.pattern.trim_end_matches("/delta").rsplit('/').next().unwrap_or_default();
    let names = selection.names().join(",");
    let context = if names.is_empty() { collection.to_owned() } else { format!("{collection}({names})") };
    let mut body = Map::new();
    body.insert("@odata.context".to_owned(), json!(query::metadata(ctx, &context)));
    let link = |name, round: &Round| {
        let token = token::made(ctx.state, &purpose(ctx), round);
        json!(query::link(ctx, name, &token, |_| false))
    };
    match told.next {
        Some(next) => body.insert("@odata.nextLink".to_owned(), link("$skiptoken", &next)),
        None => {
            let next = Round {
                since: Some(round.until),
                issued: ctx.now.as_second(),
                after: None,
                after_seq: 0,
                ..round.clone()
            };
            body.insert("@odata.deltaLink".to_owned(), link("$deltatoken", &next))
        }
    };
    body.insert("value".to_owned(), Value::Array(told.items));
    Value::Object(body)
}

fn purpose(ctx: &Ctx) -> String {
    format!("delta {} {}", ctx.caller.tenant, ctx.route.of)
}

/// The round that a call begins or goes on with.
fn begun(ctx: &Ctx) -> Result<Round, Failure> {
    let now = ctx.tenant()?.history.now();
    let token = ctx.call.param("$skiptoken").map(|t| (t, false));
    let token = token.or_else(|| ctx.call.param("$deltatoken").map(|t| (t, true)));
    let Some((text, is_new)) = token.filter(|(t, _)| !t.is_empty() && *t != "latest") else {
        let (only, kinds) = filtered(ctx)?;
        let select = ctx.call.param("$select").map(str::to_owned);
        let issued = ctx.now.as_second();
        return Ok(Round { until: now, issued, select, only, kinds, ..Round::default() });
    };
    let mut round: Round =
        token::read(ctx.state, &purpose(ctx), text).ok_or_else(|| Failure::bad("Badly formed token."))?;
    if ctx.now.as_second() - round.issued > LIFE {
        // Graph: delta query overview, synchronization reset.
        let again = query::link(ctx, "$deltatoken", "", |_| false);
        let text = "The sync state generation is not found. The delta token is expired, and the application should start again with a full synchronization.";
        return Err(Failure::new(410, "syncStateNotFound", text).with("Location", again));
    }
    if is_new {
        round.until = now;
        round.select = ctx.call.param("$select").map(str::to_owned).or(round.select);
    }
    Ok(round)
}

/// The ids and kinds that a filter names.
fn filtered(ctx: &Ctx) -> Result<(Vec<String>, Vec<String>), Failure> {
    let (mut only, mut kinds) = (Vec::new(), Vec::new());
    let Some(text) = ctx.call.param("$filter") else { return Ok((only, kinds)) };
    let all = match filter::parse(text)? {
        Expr::Or(all) => all,
        one => vec![one],
    };
    for expr in all {
        match expr {
            Expr::Compare(path, Op::Eq, Literal::Text(id)) if path == ["id"] => only.push(id.to_ascii_lowercase()),
            Expr::IsOf(kind) if ctx.route.of == "directoryObject" => {
                kinds.push(kind.trim_start_matches("microsoft.graph.").to_owned());
            }
            _ => return Err(Failure::unsupported("Unsupported Query.")),
        }
    }
    if only.len() > MOST_FILTERED {
        let text = format!("The number of objects in the filter exceeds {MOST_FILTERED}.");
        return Err(Failure::bad(text));
    }
    Ok((only, kinds))
}

/// The types whose objects a round tells of.
fn kinds(ctx: &Ctx, round: &Round) -> Vec<&'static str> {
    match ctx.route.of {
        "directoryObject" if round.kinds.is_empty() => OBJECTS.to_vec(),
        "directoryObject" => OBJECTS.into_iter().filter(|k| round.kinds.iter().any(|n| n == k)).collect(),
        of => vec![of],
    }
}

/// Everything that the list of a type shows.
fn everything(ctx: &mut Ctx, of: &str) -> Result<Vec<Value>, Failure> {
    let path = LISTS.iter().find(|(t, _)| *t == of).map_or("", |(_, path)| path);
    let route = routes::all().iter().find(|r| r.method == "GET" && r.pattern == path);
    let route = route.ok_or_else(|| Failure::segment(path))?;
    let call = Call { query: Vec::new(), ..ctx.call.clone() };
    let mut inner = Ctx {
        state: &mut *ctx.state,
        call: &call,
        caller: ctx.caller,
        now: ctx.now,
        version: ctx.version,
        route,
        keys: Vec::new(),
        cast: None,
        tail: None,
        owned_only: false,
        whole: true,
    };
    match (route.handler)(&mut inner)?.body {
        Body::Json(Value::Array(items)) => Ok(items),
        _ => Ok(Vec::new()),
    }
}

fn id_of(item: &Value) -> &str {
    item["id"].as_str().unwrap_or_default()
}

/// The objects as they are now, page by page in the order of their ids.
fn all(ctx: &mut Ctx, round: &Round, selection: &Selection, size: usize) -> Result<Told, Failure> {
    let mut found = Vec::new();
    for of in kinds(ctx, round) {
        found.extend(everything(ctx, of)?.into_iter().map(|item| (of, item)));
    }
    let wanted = |item: &Value| {
        (round.only.is_empty() || round.only.iter().any(|id| id == id_of(item)))
            && round.after.as_ref().is_none_or(|after| id_of(item) > after.as_str())
    };
    found.retain(|(_, item)| wanted(item));
    found.sort_by(|(_, a), (_, b)| id_of(a).cmp(id_of(b)));
    let more = found.len() > size;
    found.truncate(size);
    let after = found.last().map(|(_, item)| id_of(item).to_owned());
    let next = more.then(|| Round { after, ..round.clone() });
    let items = found.into_iter().map(|(of, item)| shown(ctx, of, item, selection, None)).collect();
    Ok(Told { items, next })
}

/// What changed after a moment of the count, page by page in the order of the changes.
fn changes(ctx: &mut Ctx, round: &Round, since: u64, selection: &Selection, size: usize) -> Result<Told, Failure> {
    let mut marks: Vec<(&'static str, String, Mark)> = Vec::new();
    for of in kinds(ctx, round) {
        let history = &ctx.tenant()?.history;
        marks.extend(history.since(of, since.max(round.after_seq)).map(|(id, m)| (of, id.to_owned(), m.clone())));
    }
    marks.retain(|(_, id, mark)| (round.only.is_empty() || round.only.contains(id)) && is_told(mark, since, selection));
    marks.sort_by_key(|(_, _, mark)| mark.seq);
    let more = marks.len() > size;
    marks.truncate(size);
    let after_seq = marks.last().map_or(0, |(_, _, mark)| mark.seq);
    let next = more.then(|| Round { after_seq, ..round.clone() });
    let mut items = Vec::new();
    for (of, id, mark) in marks {
        items.extend(changed(ctx, of, &id, &mark, since, selection)?);
    }
    // Graph: delta query overview, replays: the same change may be told more than once.
    if ctx.state.is_odd_page() {
        items.extend(items.first().cloned());
    }
    Ok(Told { items, next })
}

/// Graph: a change of what was not selected is not told.
fn is_told(mark: &Mark, since: u64, selection: &Selection) -> bool {
    let Selection::These(_) = selection else { return true };
    mark.removed.is_some()
        || mark.made > since
        || mark.changed.iter().any(|(name, seq)| *seq > since && selection.has(name))
}

fn changed(
    ctx: &mut Ctx,
    of: &'static str,
    id: &str,
    mark: &Mark,
    since: u64,
    selection: &Selection,
) -> Result<Option<Value>, Failure> {
    if let Some(reason) = &mark.removed {
        let mut gone = json!({ "id": id, "@removed": { "reason": reason } });
        if ctx.route.of == "directoryObject" {
            gone["@odata.type"] = json!(format!("#microsoft.graph.{of}"));
        }
        return Ok(Some(gone));
    }
    let own = objects::shown(ctx.state, ctx.tenant()?, id).filter(|(kind, _)| *kind == of).map(|(_, item)| item);
    let item = match own {
        Some(item) => Some(item),
        None => everything(ctx, of)?.into_iter().find(|item| id_of(item) == id),
    };
    Ok(item.map(|item| shown(ctx, of, item, selection, Some((mark, since)))))
}
