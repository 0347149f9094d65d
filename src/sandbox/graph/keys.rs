//! Graph: keyCredentials, addKey and removeKey with their proof of possession, addTokenSigningCertificate.
use aws_lc_rs::digest;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Value, json};

use super::credentials::{Holder, add_secret, new_secret, parameters};
use super::errors::Failure;
use super::{Ctx, Reply, app_limits, shape};
use crate::sandbox::clock::{days, plus};
use crate::sandbox::http::Answer;
use crate::sandbox::state::{Certificate, Props, Secret, State};
use crate::sandbox::sts::certificate::public_key;
use crate::sandbox::{ids, keys};

const PLAIN: &str = "AsymmetricX509Cert";
const WITH_KEY: &str = "X509CertAndPassword";
/// Azure AD Graph: proofs are still addressed to it.
const AUDIENCE: &str = "00000002-0000-0000-c000-000000000000";

/// Graph: keyCredential, the default of `customKeyIdentifier`.
fn thumbprint(der: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, der);
    hash.as_ref().iter().map(|b| format!("{b:02X}")).collect()
}

pub fn render(c: &Certificate, with_key: bool) -> Value {
    let usual = || keys::from_standard_b64(&c.der).map(|der| thumbprint(&der));
    json!({
        "customKeyIdentifier": c.identifier.clone().or_else(usual), "displayName": c.display_name,
        "endDateTime": c.end, "key": with_key.then_some(&c.der), "keyId": c.key_id, "startDateTime": c.start,
        "type": c.kind.as_deref().unwrap_or(PLAIN), "usage": c.usage,
    })
}

/// `key` is null unless keyCredentials are selected on a single object.
pub fn show_selected(ctx: &Ctx, item: &mut Value, certificates: &[Certificate]) {
    if ctx.call.param("$select").is_some_and(|s| s.split(',').any(|s| s.trim() == "keyCredentials")) {
        item["keyCredentials"] = certificates.iter().map(|c| render(c, true)).collect();
    }
}

/// The new set of certificates when the body has one: entries with a known `keyId` and no `key` are kept.
pub fn take(
    state: &State,
    tenant: &str,
    app_id: &str,
    old: &[Certificate],
    body: &mut Props,
) -> Result<Option<Vec<Certificate>>, Failure> {
    let Some(Value::Array(entries)) = body.remove("keyCredentials") else { return Ok(None) };
    let one = |e: &Value| {
        let text = |p: &str| e.get(p).and_then(Value::as_str);
        let known = text("keyId").and_then(|k| old.iter().find(|c| c.key_id.eq_ignore_ascii_case(k)));
        match (text("key"), known) {
            (None, Some(kept)) => Ok(kept.clone()),
            (None, None) => Err(Failure::bad("New key credential must have a value for property 'key'.")),
            (Some(_), _) => certificate(state, tenant, app_id, e),
        }
    };
    entries.iter().map(one).collect::<Result<_, _>>().map(Some)
}

/// A certificate as a body gives it.
fn certificate(state: &State, tenant: &str, app_id: &str, e: &Value) -> Result<Certificate, Failure> {
    let text = |p: &str| e.get(p).and_then(Value::as_str);
    let der = text("key").and_then(keys::from_standard_b64).filter(|d| public_key(d).is_some());
    let der = der.ok_or_else(|| Failure::bad("Key credential's value is not a valid certificate."))?;
    let der = keys::standard_b64(&der);
    let now = state.clock.now();
    let time = |p: &str| text(p).and_then(|t| t.parse().ok());
    let usage = text("usage").unwrap_or("Verify");
    let kind = text("type").unwrap_or(PLAIN);
    if !["Verify", "Sign", "Encrypt"].contains(&usage) || ![PLAIN, WITH_KEY].contains(&kind) {
        let text = "Invalid value specified for property 'keyCredentials' of resource 'Application'.";
        return Err(Failure::bad(text));
    }
    let fresh = || state.fresh_id(tenant, "certificate", &format!("{app_id} {der}"));
    let made = Certificate {
        key_id: text("keyId").map_or_else(fresh, str::to_ascii_lowercase),
        display_name: text("displayName").map(str::to_owned),
        start: time("startDateTime").unwrap_or(now),
        end: time("endDateTime").unwrap_or_else(|| plus(now, days(365))),
        usage: usage.to_owned(),
        kind: (kind != PLAIN).then(|| kind.to_owned()),
        identifier: text("customKeyIdentifier").map(str::to_owned),
        der,
    };
    if made.end <= made.start {
        return Err(Failure::bad("Key credential end date is invalid."));
    }
    Ok(made)
}

/// Graph: application addKey.
pub fn add(ctx: &mut Ctx) -> Reply {
    let holder = Holder::of_path(ctx)?;
    let body = parameters(ctx, "addKey", &["keyCredential", "passwordCredential", "proof"])?;
    check_proof(ctx, &holder, &body)?;
    let wanted = body.get("keyCredential").filter(|k| k.is_object());
    let wanted = wanted.ok_or_else(|| Failure::bad("The parameter 'keyCredential' is required."))?;
    shape::check("keyCredential", wanted)?;
    let certificate = certificate(ctx.state, &ctx.caller.tenant, &holder.app_id, wanted)?;
    app_limits::check_certificates(ctx, &holder, std::slice::from_ref(&certificate))?;
    holder.check_lock(ctx, "keyCredentials", &certificate.usage)?;
    let secret = secret_of_key(ctx, &holder, &certificate, &body)?;
    if holder.certificates(ctx.tenant()?).iter().any(|c| c.key_id == certificate.key_id) {
        return Err(Failure::bad("Another key credential with the same keyId already exists."));
    }
    let mut shown = render(&certificate, false);
    shown["@odata.context"] =
        json!(format!("{}/{}/$metadata#microsoft.graph.keyCredential", ctx.call.base(), ctx.version));
    holder.change(ctx, |_, certificates| certificates.push(certificate))?;
    if let Some(secret) = secret {
        add_secret(ctx, &holder, secret)?;
    }
    Ok(Answer::json(200, shown))
}

/// A certificate that brings its private key needs the password of it beside it.
fn secret_of_key(ctx: &Ctx, holder: &Holder, c: &Certificate, body: &Props) -> Result<Option<Secret>, Failure> {
    let given = body.get("passwordCredential").filter(|p| !p.is_null());
    let text = given.and_then(|p| p.get("secretText")).and_then(Value::as_str);
    match (c.kind.as_deref(), text) {
        (Some(WITH_KEY), Some(text)) => {
            let wanted = Props::from_iter([("endDateTime".to_owned(), json!(c.end))]);
            let (mut secret, _) = new_secret(ctx.state, &ctx.caller.tenant, &holder.id, &wanted, ctx.now)?;
            secret.hash = ids::secret_hash(text);
            secret.hint = text.chars().take(3).collect();
            Ok(Some(secret))
        }
        (Some(WITH_KEY), None) => Err(Failure::bad("The parameter 'passwordCredential' is required for this type.")),
        _ => Ok(None),
    }
}

/// Graph: application removeKey.
pub fn remove(ctx: &mut Ctx) -> Reply {
    let holder = Holder::of_path(ctx)?;
    let body = parameters(ctx, "removeKey", &["keyId", "proof"])?;
    check_proof(ctx, &holder, &body)?;
    let key_id = body.get("keyId").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    holder.check_lock(ctx, "keyCredentials", "Verify")?;
    let gone = holder.change(ctx, |_, certificates| {
        let before = certificates.len();
        certificates.retain(|c| c.key_id != key_id);
        certificates.len() < before
    })?;
    if !gone {
        return Err(Failure::bad(format!("No key credential found with keyId '{key_id}'.")));
    }
    ctx.state.retired.insert(key_id);
    Ok(Answer::empty(204))
}

/// The proof is signed by one of the object's own certificates that is still valid.
#[expect(clippy::disallowed_methods, reason = "a proof may be timed by the caller's wall clock")]
fn check_proof(ctx: &Ctx, holder: &Holder, body: &Props) -> Result<(), Failure> {
    let bad = || Failure::new(401, "Authentication_MissingOrMalformed", "Access Token missing or malformed.");
    let proof = body.get("proof").and_then(Value::as_str).ok_or_else(bad)?;
    let (message, signature) = proof.rsplit_once('.').ok_or_else(bad)?;
    let (head, claims) = message.split_once('.').ok_or_else(bad)?;
    let part = |text: &str| ids::unb64(text).and_then(|b| serde_json::from_slice::<Value>(&b).ok());
    let (head, claims) = part(head).zip(part(claims)).ok_or_else(bad)?;
    let algorithm = match head["alg"].as_str() {
        Some("RS256") => Algorithm::RS256,
        Some("PS256") => Algorithm::PS256,
        _ => return Err(bad()),
    };
    let valid = holder.certificates(ctx.tenant()?).iter().filter(|c| c.start <= ctx.now && ctx.now < c.end);
    let mut public = valid.filter_map(|c| keys::from_standard_b64(&c.der)).filter_map(|der| public_key(&der));
    let signed = |key: Vec<u8>| {
        jsonwebtoken::crypto::verify(signature, message.as_bytes(), &DecodingKey::from_rsa_der(&key), algorithm)
            .unwrap_or(false)
    };
    let is = |k: &str, v: &str| claims[k].as_str().is_some_and(|c| c.eq_ignore_ascii_case(v));
    let good = is("aud", AUDIENCE)
        && is("iss", &holder.id)
        && [ctx.now, Timestamp::now()].iter().any(|t| is_timely(&claims, t.as_second()));
    if good && public.any(signed) { Ok(()) } else { Err(bad()) }
}

/// Graph: it lives for ten minutes at most.
fn is_timely(claims: &Value, at: i64) -> bool {
    let time = |k: &str| claims[k].as_i64();
    let (Some(nbf), Some(exp)) = (time("nbf"), time("exp")) else { return false };
    exp - nbf <= 600 && nbf <= at + 300 && exp > at - 300
}

/// Graph: servicePrincipal addTokenSigningCertificate. Its key is the cloud's own, so that the same history gives the
/// same certificate.
pub fn add_token_signing(ctx: &mut Ctx) -> Reply {
    let holder = Holder::of_path(ctx)?;
    let body = parameters(ctx, "addTokenSigningCertificate", &["displayName", "endDateTime"])?;
    holder.check_lock(ctx, "keyCredentials", "Sign")?;
    let name =
        body.get("displayName").and_then(Value::as_str).unwrap_or("CN=Microsoft Azure Federated SSO Certificate");
    let Some(common) = name.strip_prefix("CN=").filter(|n| !n.is_empty()) else {
        return Err(Failure::bad("Invalid value specified for property 'displayName': it must start with 'CN='."));
    };
    let end = body.get("endDateTime").and_then(Value::as_str).and_then(|t| t.parse().ok());
    let end: Timestamp = end.unwrap_or_else(|| plus(ctx.now, days(3 * 365)));
    if end <= ctx.now {
        return Err(Failure::bad("Key credential end date is invalid."));
    }
    let tenant_id = ctx.caller.tenant.clone();
    let id = |kind: &str| ctx.state.fresh_id(&tenant_id, kind, &format!("{} {name} {}", holder.id, ctx.now));
    let (verify, sign) = (id("verifying key"), id("signing key"));
    let der = self_signed(&ctx.state.signing_key, common, &verify, ctx.now, end)
        .ok_or_else(|| Failure::new(500, "Service_InternalServerError", "No certificate could be made."))?;
    let print = thumbprint(&der);
    let one = |key_id: &str, usage: &str, kind: Option<&str>| Certificate {
        key_id: key_id.to_owned(),
        display_name: Some(name.to_owned()),
        start: ctx.now,
        end,
        der: keys::standard_b64(&der),
        usage: usage.to_owned(),
        kind: kind.map(str::to_owned),
        identifier: None,
    };
    let pair = [one(&sign, "Sign", Some(WITH_KEY)), one(&verify, "Verify", None)];
    let wanted = Props::from_iter([("displayName".to_owned(), json!(name)), ("endDateTime".to_owned(), json!(end))]);
    let (mut secret, _) = new_secret(ctx.state, &tenant_id, &holder.id, &wanted, ctx.now)?;
    secret.key_id.clone_from(&sign);
    secret.of_key = Some(print.clone());
    let mut shown = render(&pair[1], true);
    shown["thumbprint"] = json!(print);
    shown["@odata.context"] =
        json!(format!("{}/{}/$metadata#microsoft.graph.selfSignedCertificate", ctx.call.base(), ctx.version));
    holder.change(ctx, |secrets, certificates| {
        certificates.extend(pair);
        secrets.push(secret);
    })?;
    Ok(Answer::json(200, shown))
}

/// A certificate for the cloud's signing key; nothing in it is random.
fn self_signed(pkcs8: &str, name: &str, serial: &str, from: Timestamp, to: Timestamp) -> Option<Vec<u8>> {
    let der = rustls_pki_types::PrivatePkcs8KeyDer::from(ids::unb64(pkcs8)?);
    let key = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&der, &rcgen::PKCS_RSA_SHA256).ok()?;
    let mut params = rcgen::CertificateParams::new(Vec::new()).ok()?;
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.serial_number = Some(uuid::Uuid::try_parse(serial).ok()?.as_bytes().to_vec().into());
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let at = |t: Timestamp| Some(epoch + std::time::Duration::from_secs(t.as_second().try_into().ok()?));
    (params.not_before, params.not_after) = (at(from)?, at(to)?);
    Some(params.self_signed(&key).ok()?.der().to_vec())
}
