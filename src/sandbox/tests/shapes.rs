//! Every readable route is read, and every answer is held against the table of types, by a reader of its own.
use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Value, json};

use super::permissions::version;
use super::support::*;
use crate::sandbox::facts;
use crate::sandbox::graph::routes::{self, Route};

/// Where an answer disagrees with its type; `at` names the place.
struct Reader {
    wrong: Vec<String>,
    /// Types that were seen.
    seen: BTreeSet<String>,
    properties: usize,
}

impl Reader {
    fn object(&mut self, at: &str, declared: &str, value: &Value, is_partial: bool) {
        let Some(map) = value.as_object() else { return self.wrong.push(format!("{at}: no object: {value}")) };
        let said = map.get("@odata.type").and_then(Value::as_str);
        let own = said.map_or(declared, |t| t.trim_start_matches("#microsoft.graph."));
        let Some(of) = facts::of_type(own) else { return self.wrong.push(format!("{at}: unknown type {own}")) };
        if !facts::types().is_a(own, declared) {
            self.wrong.push(format!("{at}: {own} is no {declared}"));
        }
        self.seen.insert(own.to_owned());
        for (name, value) in map.iter().filter(|(name, _)| !name.contains('@')) {
            self.properties += 1;
            match (of.properties.get(name), of.links.get(name)) {
                (Some(kind), _) => self.value(&format!("{at}/{name}"), kind, value),
                (None, Some(_)) => {}
                (None, None) => self.wrong.push(format!("{at}: {own} has no {name}")),
            }
        }
        // What is only returned when it is selected may be missing; never-null values of complex types may not.
        if !is_partial {
            for (name, kind) in of.properties.iter().filter(|(_, kind)| kind.ends_with('!') && *kind != "Stream!") {
                if !map.contains_key(name) {
                    self.wrong.push(format!("{at}: {own} lacks {name} ({kind})"));
                }
            }
        }
    }

    fn value(&mut self, at: &str, kind: &str, value: &Value) {
        let (kind, never_null) = kind.strip_suffix('!').map_or((kind, false), |k| (k, true));
        if value.is_null() {
            if never_null {
                self.wrong.push(format!("{at}: null"));
            }
            return;
        }
        if let Some(inner) = kind.strip_prefix("Collection(").and_then(|k| k.strip_suffix(')')) {
            let Some(items) = value.as_array() else { return self.wrong.push(format!("{at}: no list: {value}")) };
            return items.iter().for_each(|item| self.value(at, inner, item));
        }
        let text = value.as_str();
        let good = match kind {
            "String" | "Binary" | "Stream" => text.is_some(),
            "Boolean" => value.is_boolean(),
            "Int16" | "Int32" | "Int64" => value.is_i64(),
            "Double" | "Single" | "Decimal" => value.is_number(),
            "Guid" => text.is_some_and(|t| uuid::Uuid::try_parse(t).is_ok()),
            "DateTimeOffset" => text.is_some_and(|t| t.ends_with('Z') && t.parse::<jiff::Timestamp>().is_ok()),
            "Date" => text.is_some_and(|t| t.parse::<jiff::civil::Date>().is_ok()),
            "TimeOfDay" => text.is_some_and(|t| t.parse::<jiff::civil::Time>().is_ok()),
            "Duration" => text.is_some_and(|t| t.starts_with('P') && t.parse::<jiff::Span>().is_ok()),
            _ if facts::types().enums.contains_key(kind) => {
                let members = &facts::types().enums[kind];
                text.is_some_and(|t| t.split(',').all(|m| members.iter().any(|known| known == m)))
            }
            _ => return self.object(at, kind, value, false),
        };
        if !good {
            self.wrong.push(format!("{at}: {value} is no {kind}"));
        }
    }
}

/// The path with a real id for each key, found by listing what stands before it. `None`: there is nothing to read.
async fn filled(api: &Api<'_>, ids: &mut BTreeMap<String, Option<String>>, pattern: &str) -> Option<String> {
    let mut path = String::new();
    for part in pattern.split('/').filter(|p| !p.is_empty()) {
        if !part.starts_with('{') {
            path = format!("{path}/{part}");
            continue;
        }
        if !ids.contains_key(&path) {
            let got = api.get(&format!("/v1.0{path}?$top=1")).await;
            let id = got.body["value"][0]["id"].as_str().map(str::to_owned);
            ids.insert(path.clone(), id);
        }
        let id = ids[&path].clone()?;
        path = format!("{path}/{id}");
    }
    Some(path)
}

/// A caller that may read everything, in the partner's tenant.
async fn reader(cloud: &Cloud) -> Api<'_> {
    let reads = routes::all().iter().filter(|r| !r.write).filter_map(|r| r.rule(false, None));
    let all: BTreeSet<&str> = reads.flat_map(|r| &r.app).map(|n| n.permission.as_str()).collect();
    let held: Vec<String> = facts::resource(facts::GRAPH)
        .unwrap()
        .application
        .keys()
        .filter(|value| all.contains(value.as_str()))
        .cloned()
        .collect();
    let principal = cloud.home().await;
    let me = principal.get(&format!("/v1.0/servicePrincipals(appId='{MANAGER}')?$select=id")).await.is(200).text("/id");
    let graph = principal
        .get(&format!("/v1.0/servicePrincipals(appId='{}')?$select=id", facts::GRAPH))
        .await
        .is(200)
        .text("/id");
    for value in held {
        let role = &facts::resource(facts::GRAPH).unwrap().application[&value];
        let body = json!({ "principalId": me, "resourceId": graph, "appRoleId": role });
        let got = principal.post(&format!("/v1.0/servicePrincipals/{me}/appRoleAssignments"), body).await;
        assert!([201, 400].contains(&got.status.as_u16()), "{}", got.text);
    }
    cloud.home().await
}

/// Routes whose answer is no object of their type.
fn is_plain(route: &Route) -> bool {
    // Deleted items are listed by type only.
    ["/$value", "/logo", "/directory/deletedItems"].iter().any(|end| route.pattern.ends_with(end))
}

#[tokio::test]
async fn every_answer_to_a_read_agrees_with_the_table_of_types() {
    let cloud = Cloud::new().await;
    gdap(&cloud, &[CLOUD_APP]).await;
    let api = reader(&cloud).await;
    let mut reader = Reader { wrong: Vec::new(), seen: BTreeSet::new(), properties: 0 };
    let (mut ids, mut read, mut empty) = (BTreeMap::new(), 0, Vec::new());
    for route in routes::all().iter().filter(|r| r.method == "GET" && !is_plain(r)) {
        let Some(path) = filled(&api, &mut ids, &route.pattern).await else {
            empty.push(format!("{route:?}"));
            continue;
        };
        let got = api.send(Method::GET, &format!("/{}{path}", version(route)), &[], None).await;
        // A link to one object leads nowhere until it is set.
        if got.status == 404 && route.nav.is_some_and(|nav| !nav.many) {
            empty.push(format!("{route:?}"));
            continue;
        }
        if got.status != 200 {
            reader.wrong.push(format!("{route:?}: {path}: {} {}", got.status, got.text));
            continue;
        }
        read += 1;
        let context = got.body["@odata.context"].as_str();
        if !context.is_some_and(|c| c.contains("$metadata#")) {
            reader.wrong.push(format!("{route:?}: no @odata.context: {context:?}"));
        }
        match got.body["value"].as_array() {
            Some(items) if !items.iter().any(Value::is_string) => {
                items.iter().for_each(|item| reader.object(&format!("{route:?}"), route.of, item, true));
            }
            Some(_) => {}
            None => reader.object(&format!("{route:?}"), route.of, &got.body, true),
        }
    }
    reader.wrong.sort();
    reader.wrong.dedup();
    assert!(reader.wrong.is_empty(), "{}:\n{}", reader.wrong.len(), reader.wrong.join("\n"));
    println!(
        "{read} routes read, {} types, {} properties; nothing there for {empty:?}",
        reader.seen.len(),
        reader.properties
    );
    assert!(read > 150, "only {read} routes were read");
}

#[tokio::test]
async fn every_write_refuses_an_unknown_property_and_a_value_of_another_type() {
    let cloud = Cloud::new().await;
    let api = reader(&cloud).await;
    let (mut wrong, mut cases) = (Vec::new(), 0);
    let mut ids = BTreeMap::new();
    for route in routes::all().iter().filter(|r| r.write && ["POST", "PATCH"].contains(&r.method)) {
        // Actions and references have bodies of their own.
        let last = route.pattern.rsplit('/').next().unwrap_or_default();
        let is_collection = routes::all().iter().any(|r| r.method == "GET" && r.pattern == route.pattern);
        if last == "$ref" || (route.method == "POST" && !is_collection) {
            continue;
        }
        let Some(path) = filled(&api, &mut ids, &route.pattern).await else { continue };
        let of = facts::of_type(route.of).unwrap_or_else(|| panic!("{route:?}: {}", route.of));
        let mut bodies = vec![json!({ "noSuchProperty": 1 })];
        for (name, kind) in &of.properties {
            let bad = match kind.trim_end_matches('!') {
                "Boolean" => json!("maybe"),
                "Int32" | "Int64" => json!("many"),
                k if k.starts_with("Collection(") => json!("not a list"),
                k if facts::of_type(k).is_some() => json!("not an object"),
                _ => json!({ "not": "text" }),
            };
            bodies.push(json!({ name.clone(): bad }));
            if kind.ends_with('!') {
                bodies.push(json!({ name.clone(): null }));
            }
        }
        for body in bodies {
            cases += 1;
            let got = api
                .send(route.method.parse().unwrap(), &format!("/{}{path}", version(route)), &[], Some(body.clone()))
                .await;
            let shaped = got.body["error"]["code"].is_string() && got.body["error"]["message"].is_string();
            // A user may not write at all where only a person may; that is said first.
            if ![400, 403, 428].contains(&got.status.as_u16()) || !shaped {
                wrong.push(format!("{route:?} {body}: {} {}", got.status, got.text));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {cases}:\n{}", wrong.len(), wrong.join("\n"));
    println!("{cases} bodies refused");
    assert!(cases > 1_000, "only {cases} cases");
}
