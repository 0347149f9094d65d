//! Graph: addPassword and removePassword of applications and service principals; how credentials are shown.
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::errors::Failure;
use super::{Ctx, Reply, app_limits, applications, objects, service_principals, shape};
use crate::sandbox::clock::{days, plus};
use crate::sandbox::due::Effect;
use crate::sandbox::http::Answer;
use crate::sandbox::ids;
use crate::sandbox::state::{Certificate, Props, Secret, State, Tenant};

/// The object that credentials belong to.
pub struct Holder {
    /// `application` or `servicePrincipal`.
    pub of: &'static str,
    pub id: String,
    pub app_id: String,
}

impl Holder {
    /// The application or principal that the path names, which the caller may change.
    pub fn of_path(ctx: &Ctx) -> Result<Holder, Failure> {
        let of = ctx.route.pattern.split('/').nth(1).and_then(objects::type_of_collection).unwrap_or("application");
        let id = ctx.found(of, 0)?;
        ctx.need_owner(&id)?;
        let tenant = ctx.tenant()?;
        let app_id = match of {
            "application" => tenant.applications.get(&id).map(|a| &a.app_id),
            _ => tenant.principals.get(&id).map(|p| &p.app_id),
        };
        let app_id = app_id.cloned().ok_or_else(|| Failure::not_found(&id))?;
        Ok(Holder { of, id, app_id })
    }

    pub fn certificates<'a>(&self, tenant: &'a Tenant) -> &'a [Certificate] {
        match self.of {
            "application" => tenant.applications.get(&self.id).map_or(&[], |a| &a.certificates),
            _ => tenant.principals.get(&self.id).map_or(&[], |p| &p.certificates),
        }
    }

    /// Lets both lists be changed.
    pub fn change<T>(
        &self,
        ctx: &mut Ctx,
        how: impl FnOnce(&mut Vec<Secret>, &mut Vec<Certificate>) -> T,
    ) -> Result<T, Failure> {
        let tenant = ctx.tenant_mut()?;
        let done = match self.of {
            "application" => tenant.applications.get_mut(&self.id).map(|a| how(&mut a.secrets, &mut a.certificates)),
            _ => tenant.principals.get_mut(&self.id).map(|p| how(&mut p.secrets, &mut p.certificates)),
        };
        let done = done.ok_or_else(|| Failure::not_found(&self.id))?;
        ctx.touch(self.of, &self.id)?;
        Ok(done)
    }

    /// 400 where the application's owner has locked this property of its principals.
    pub fn check_lock(&self, ctx: &Ctx, property: &str, usage: &str) -> Result<(), Failure> {
        if self.of == "servicePrincipal" && service_principals::is_locked(ctx.state, &self.app_id, usage) {
            return Err(locked(property));
        }
        Ok(())
    }
}

pub fn locked(property: &str) -> Failure {
    let text = format!("Property {property} on the service principal is locked.");
    Failure::new(400, "CannotUpdateLockedServicePrincipalProperty", text)
}

pub fn render_secret(s: &Secret) -> Value {
    json!({
        "customKeyIdentifier": s.of_key, "displayName": s.display_name, "endDateTime": s.end, "hint": s.hint,
        "keyId": s.key_id, "secretText": null, "startDateTime": s.start,
    })
}

/// The parameters of an action; others than these are refused.
pub fn parameters(ctx: &Ctx, action: &str, known: &[&str]) -> Result<Props, Failure> {
    let body = if ctx.call.body.is_empty() { json!({}) } else { ctx.json()? };
    let Value::Object(map) = body else { return Err(Failure::bad_query("Unable to read JSON request payload.")) };
    match map.keys().find(|k| !known.contains(&k.as_str())) {
        Some(k) => Err(Failure::bad_query(format!(
            "The parameter '{k}' in the request payload is not a valid parameter for the operation '{action}'."
        ))),
        None => Ok(map),
    }
}

/// A new secret and its text, of what a caller asked for.
pub fn new_secret(
    state: &State,
    tenant: &str,
    holder: &str,
    wanted: &Props,
    now: Timestamp,
) -> Result<(Secret, String), Failure> {
    let time = |k: &str| wanted.get(k).and_then(Value::as_str).and_then(|t| t.parse::<Timestamp>().ok());
    let start = time("startDateTime").unwrap_or(now);
    let end = time("endDateTime").unwrap_or_else(|| plus(start, days(730)));
    if end <= start || end <= now {
        return Err(Failure::bad(
            "Key credential end date is invalid: it must be later than its start and in the future.",
        ));
    }
    let name = wanted.get("displayName").and_then(Value::as_str).map(str::to_owned);
    let key_id = state.fresh_id(tenant, "secret", &format!("{holder} {}", name.as_deref().unwrap_or("")));
    // As long as Microsoft's (40 characters). The fixed prefix lets a test search all output for secrets.
    let text = format!("cnry-{}", ids::b64(&Sha256::digest(format!("{} {key_id} {}", state.seed, state.signing_key))))
        .chars()
        .take(40)
        .collect::<String>();
    let hint = text.chars().take(3).collect();
    let hash = ids::secret_hash(&text);
    Ok((Secret { key_id, display_name: name, start, end, hint, hash, of_key: None }, text))
}

/// The secret's text comes once, in this answer; only its hash is kept.
pub fn add_password(ctx: &mut Ctx) -> Reply {
    let map = parameters(ctx, "addPassword", &["passwordCredential"])?;
    let wanted = match map.get("passwordCredential") {
        None | Some(Value::Null) => Props::new(),
        Some(v) => shape::check("passwordCredential", v)?,
    };
    let holder = Holder::of_path(ctx)?;
    holder.check_lock(ctx, "passwordCredentials", "Verify")?;
    let tenant_id = ctx.caller.tenant.clone();
    // Principals had no secrets of their own at first: the ids of those of applications stay as they were.
    let natural = if holder.of == "application" { &holder.app_id } else { &holder.id };
    let (secret, text) = new_secret(ctx.state, &tenant_id, natural, &wanted, ctx.now)?;
    app_limits::check_password(ctx, &holder, Some((secret.start, secret.end)))?;
    if let Some(app) = ctx.tenant()?.applications.get(&holder.id) {
        applications::check_secret_count(app.audience(), app.secrets.len() + 1)?;
    }
    let mut shown = render_secret(&secret);
    shown["secretText"] = json!(text);
    shown["@odata.context"] =
        json!(format!("{}/{}/$metadata#microsoft.graph.passwordCredential", ctx.call.base(), ctx.version));
    add_secret(ctx, &holder, secret)?;
    Ok(Answer::json(200, shown))
}

/// Keeps a secret; the token service knows it after its lag.
pub fn add_secret(ctx: &mut Ctx, holder: &Holder, secret: Secret) -> Result<(), Failure> {
    let key_id = secret.key_id.clone();
    holder.change(ctx, |secrets, _| secrets.push(secret))?;
    let (lag, now) = (ctx.state.lag_of(ctx.state.lag.new_secret, &key_id), ctx.now);
    ctx.state.after(lag, now, Effect::SecretUsable { app_id: holder.app_id.clone(), key_id });
    Ok(())
}

pub fn remove_password(ctx: &mut Ctx) -> Reply {
    let holder = Holder::of_path(ctx)?;
    let body = parameters(ctx, "removePassword", &["keyId"])?;
    let key_id = body.get("keyId").and_then(Value::as_str).filter(|k| ids::is_guid(k)).map(str::to_ascii_lowercase);
    let Some(key_id) = key_id else { return Err(Failure::bad("Invalid value specified for property 'keyId'.")) };
    holder.check_lock(ctx, "passwordCredentials", "Verify")?;
    let gone = holder.change(ctx, |secrets, _| {
        let before = secrets.len();
        secrets.retain(|s| s.key_id != key_id);
        secrets.len() < before
    })?;
    if !gone {
        return Err(Failure::bad(format!("No password credential found with keyId '{key_id}'.")));
    }
    ctx.state.retired.insert(key_id);
    Ok(Answer::empty(204))
}
