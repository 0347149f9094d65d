//! Graph: application addPassword, removePassword; how credentials are shown.
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::applications::find;
use super::errors::Failure;
use super::{Ctx, Reply, shape};
use crate::sandbox::clock::{days, plus};
use crate::sandbox::due::Effect;
use crate::sandbox::http::Answer;
use crate::sandbox::ids;
use crate::sandbox::keys;
use crate::sandbox::state::{Certificate, Secret};

pub fn render_secret(s: &Secret) -> Value {
    json!({
        "customKeyIdentifier": null, "displayName": s.display_name, "endDateTime": s.end, "hint": s.hint,
        "keyId": s.key_id, "secretText": null, "startDateTime": s.start,
    })
}

pub fn render_certificate(c: &Certificate, with_key: bool) -> Value {
    let thumbprint = keys::from_standard_b64(&c.der).map(|der| keys::standard_b64(&Sha256::digest(&der)));
    json!({
        "customKeyIdentifier": thumbprint, "displayName": c.display_name, "endDateTime": c.end,
        "key": with_key.then_some(&c.der), "keyId": c.key_id, "startDateTime": c.start,
        "type": "AsymmetricX509Cert", "usage": c.usage,
    })
}

/// The secret's text comes once, in this answer; only its hash is kept.
pub fn add_password(ctx: &mut Ctx) -> Reply {
    let id = find(ctx.tenant()?, &ctx.key(0))?;
    let body = if ctx.call.body.is_empty() { json!({}) } else { ctx.json()? };
    let Some(map) = body.as_object() else { return Err(Failure::bad_query("Unable to read JSON request payload.")) };
    if let Some(k) = map.keys().find(|k| *k != "passwordCredential") {
        return Err(Failure::bad_query(format!(
            "The parameter '{k}' in the request payload is not a valid parameter for the operation 'addPassword'."
        )));
    }
    let wanted = match map.get("passwordCredential") {
        None | Some(Value::Null) => serde_json::Map::new(),
        Some(v) => shape::check("passwordCredential", v)?,
    };
    let time = |k: &str| wanted.get(k).and_then(Value::as_str).and_then(|t| t.parse::<Timestamp>().ok());
    let start = time("startDateTime").unwrap_or(ctx.now);
    let end = time("endDateTime").unwrap_or_else(|| plus(start, days(730)));
    if end <= start || end <= ctx.now {
        return Err(Failure::bad(
            "Key credential end date is invalid: it must be later than its start and in the future.",
        ));
    }
    let app = ctx.tenant()?.applications.get(&id).ok_or_else(|| Failure::not_found(&id))?;
    ctx.need_owner(&id)?;
    let app_id = app.app_id.clone();
    let name = wanted.get("displayName").and_then(Value::as_str).map(str::to_owned);
    let tenant_id = ctx.caller.tenant.clone();
    let key_id = ctx.state.fresh_id(&tenant_id, "secret", &format!("{app_id} {}", name.as_deref().unwrap_or("")));
    // As long as Microsoft's (40 characters). The fixed prefix lets a test search all output for secrets.
    let text =
        format!("cnry-{}", ids::b64(&Sha256::digest(format!("{} {key_id} {}", ctx.state.seed, ctx.state.signing_key))))
            .chars()
            .take(40)
            .collect::<String>();
    let secret = Secret {
        key_id: key_id.clone(),
        display_name: name,
        start,
        end,
        hint: text.chars().take(3).collect(),
        hash: ids::secret_hash(&text),
    };
    let mut shown = render_secret(&secret);
    shown["secretText"] = json!(text);
    shown["@odata.context"] =
        json!(format!("{}/{}/$metadata#microsoft.graph.passwordCredential", ctx.call.base(), ctx.version));
    if let Some(app) = ctx.tenant_mut()?.applications.get_mut(&id) {
        app.secrets.push(secret);
    }
    let (lag, now) = (ctx.state.lag_of(ctx.state.lag.new_secret, &key_id), ctx.now);
    ctx.state.after(lag, now, Effect::SecretUsable { app_id, key_id });
    Ok(Answer::json(200, shown))
}

pub fn remove_password(ctx: &mut Ctx) -> Reply {
    let id = find(ctx.tenant()?, &ctx.key(0))?;
    let body = ctx.json()?;
    let key_id = body.get("keyId").and_then(Value::as_str).filter(|k| ids::is_guid(k)).map(str::to_ascii_lowercase);
    let Some(key_id) = key_id else { return Err(Failure::bad("Invalid value specified for property 'keyId'.")) };
    ctx.need_owner(&id)?;
    let Some(app) = ctx.tenant_mut()?.applications.get_mut(&id) else { return Err(Failure::not_found(&id)) };
    let before = app.secrets.len();
    app.secrets.retain(|s| s.key_id != key_id);
    if app.secrets.len() == before {
        return Err(Failure::bad(format!("No password credential found with keyId '{key_id}'.")));
    }
    ctx.state.retired.insert(key_id);
    Ok(Answer::empty(204))
}
