//! `tenantry sandbox …`: plays the people and the world of the embedded cloud.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::args::{InitArgs, Output, SandboxArgs, SandboxCommand};
use super::embedded::{self, Embedded};
use super::exit::Exit;
use super::failure::Failure;
use super::interrupt::Interrupt;
use super::printer::Printer;
use super::render::clean;
use super::render::json::pretty;
use super::{bench, environment, forget, serve};
use crate::engine::diagnostic::Diagnostic;
use crate::sandbox::{Operation, operations};

/// Runs one of them.
pub async fn run(args: &SandboxArgs, printer: &Printer, interrupt: &Interrupt) -> Exit {
    let done = match &args.command {
        SandboxCommand::Drift(drift) if drift.kind.is_none() => {
            printer.data(&kinds());
            return Exit::Ok;
        }
        SandboxCommand::Routes => {
            printer.data(&routes());
            return Exit::Ok;
        }
        SandboxCommand::Bench(how) => bench::run(how, printer),
        SandboxCommand::Init(init) => self::init(&args.state, init, printer).await,
        SandboxCommand::Serve(how) => serve::run(&args.state, how, printer, interrupt).await,
        SandboxCommand::Env(wish) => environment::run(&args.state, wish, printer).await,
        SandboxCommand::Reset => forget::reset(&args.state, printer).await,
        played => play(&args.state, played, printer).await,
    };
    match done {
        Ok(()) => Exit::Ok,
        Err(failure) => failure.tell(printer),
    }
}

async fn init(state: &Path, args: &InitArgs, printer: &Printer) -> Result<(), Failure> {
    if state.exists() {
        let summary = format!("there is a sandbox in {} already", state.display());
        let remedy = "Forget it with `tenantry sandbox reset`, or name another file with --state.";
        return Err(Diagnostic::error("sandbox", summary).remedy(remedy).into());
    }
    if args.fleet > 0 && !args.world.is_file() {
        let summary = format!("there is no world in {} for a fleet to join", args.world.display());
        let remedy = "A fleet is only customers. Name a file with the partner, its users and apps: --world FILE; examples/first/.sandbox/world.yaml is one.";
        return Err(Diagnostic::error("sandbox", summary).remedy(remedy).into());
    }
    let mut world = embedded::read(&args.world)?;
    world.add_fleet(args.fleet, args.seed);
    world.profile = args.profile.or(world.profile);
    let tenants = world.customers.len();
    let partner = world.partner.display_name.clone();
    Embedded::open(state, Some(world), args.seed).await?.stop().await;
    printer.data(&format!("{}: {} and {tenants} of its customers\n", state.display(), clean(&partner)));
    Ok(())
}

/// Plays through whoever serves the state: another process, or this one for a moment.
async fn play(state: &Path, command: &SandboxCommand, printer: &Printer) -> Result<(), Failure> {
    let sandbox = Embedded::open(state, None, 1).await?;
    let control = sandbox.control()?;
    let said = match command {
        SandboxCommand::Approve(args) => {
            let wish = match &args.relationship {
                Some(name) => json!({ "relationship": name }),
                None => json!({ "all": true }),
            };
            control.post("approve", &wish).await.map(|answer| approved(&answer))
        }
        SandboxCommand::Consent { tenant, app } => {
            let answer = control.post("consent", &json!({ "tenant": tenant, "app": app })).await;
            answer.map(|a| {
                format!(
                    "{} is in {} now: {} delegated and {} application permissions.\n",
                    word(&a["app"]),
                    clean(tenant),
                    a["scopes"],
                    a["roles"]
                )
            })
        }
        SandboxCommand::Advance { duration } => {
            let answer = control.post("advance", &json!({ "seconds": duration.0.as_secs() })).await;
            answer.map(|answer| format!("The cloud's time is {} now.\n", word(&answer["now"])))
        }
        SandboxCommand::Requests(args) => {
            let writes = if args.writes { "requests?writes=true" } else { "requests" };
            control.get(writes).await.map(|answer| match args.output {
                Output::Json => pretty(&answer),
                Output::Text => requests(&answer),
            })
        }
        SandboxCommand::Drift(args) => match wish(args.kind.as_deref().unwrap_or_default(), &args.with) {
            Ok(wish) => control.post("drift", &wish).await.map(|answer| format!("{}\n", word(&answer["drifted"]))),
            Err(wrong) => Err(wrong),
        },
        SandboxCommand::Fault { wish } => match serde_json::from_str(wish) {
            Ok(wish) => control.post("faults", &wish).await.map(|answer| pretty(&answer)),
            Err(error) => Err(Diagnostic::error("sandbox", format!("that is not JSON: {error}")).into()),
        },
        // Done without playing.
        SandboxCommand::Init(_)
        | SandboxCommand::Serve(_)
        | SandboxCommand::Reset
        | SandboxCommand::Routes
        | SandboxCommand::Env(_)
        | SandboxCommand::Bench(_) => Ok(String::new()),
    };
    sandbox.stop().await;
    printer.data(&said?);
    Ok(())
}

fn routes() -> String {
    let line = |o: &Operation| {
        format!("{}\t{}\t{}\t{}\t{}\t{}\n", o.of, o.method, o.path, o.name, o.app.join(" "), o.user.join(" "))
    };
    let lines: String = operations().iter().map(line).collect();
    format!("type\tmethod\tpath\tname\tapplication\tdelegated\n{lines}")
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), |text| clean(text).into_owned())
}

fn approved(answer: &Value) -> String {
    let all = answer["approved"].as_array().cloned().unwrap_or_default();
    if all.is_empty() {
        return "No relationship waits for its customer.\n".to_owned();
    }
    let line = |r: &Value| format!("{} accepted {}: {}\n", word(&r["customer"]), word(&r["name"]), word(&r["status"]));
    all.iter().map(line).collect()
}

fn requests(answer: &Value) -> String {
    let all = answer["requests"].as_array().cloned().unwrap_or_default();
    let line = |r: &Value| {
        let inside = if r.get("batch").is_some_and(|b| !b.is_null()) { "  " } else { "" };
        let mark = if r["write"] == json!(true) { "*" } else { " " };
        format!(
            "{} {} {mark} {inside}{:6} {}  ({})\n",
            word(&r["time"]),
            word(&r["status"]),
            word(&r["method"]),
            word(&r["path"]),
            word(&r["caller"])
        )
    };
    all.iter().map(line).collect()
}

/// What can happen behind Tenantry's back: its name, to what, and in words.
const KINDS: [(&str, &[&str], &str); 18] = [
    ("remove-grant", &["tenant", "app", "permission"], "an administrator takes an application permission back"),
    ("remove-group-member", &["group", "member"], "somebody is taken out of a group of the partner"),
    ("remove-access-assignment", &["relationship", "group"], "a group loses its roles through a relationship"),
    ("remove-directory-role", &["tenant", "app", "role"], "an app's principal loses a directory role"),
    ("remove-delegated-grant", &["tenant", "app"], "an app loses its delegated permissions"),
    ("remove-app-permission", &["app", "permission"], "a registration asks for one permission less"),
    ("rename-tenant", &["tenant", "displayName"], "a customer takes another name; its contract keeps the old one"),
    ("delete-service-principal", &["tenant", "app"], "an app is removed from a tenant"),
    ("rename-app", &["app", "displayName"], "a registration gets another name"),
    ("add-redirect-uri", &["app", "uri"], "a registration gets a redirect URI"),
    ("expire-secret", &["app", "name"], "a client secret reaches its end"),
    ("terminate-relationship", &["relationship"], "the customer ends a relationship"),
    ("disable-service-principal", &["tenant", "app"], "an administrator blocks an app's sign-in in a tenant"),
    ("add-conditional-access-policy", &["tenant", "displayName"], "a tenant demands a compliant device of everybody"),
    ("delete-group", &["group"], "a group of the partner is deleted"),
    ("rename-group", &["group", "displayName"], "a group of the partner gets another name"),
    ("disable-user", &["user"], "an account of the partner is blocked"),
    ("reset-password", &["user"], "an account of the partner gets another password: its refresh tokens are dead"),
];

fn kinds() -> String {
    let mut text =
        "What can happen behind Tenantry's back (tenants by domain or name, apps and groups by display name):\n\n"
            .to_owned();
    for (kind, keys, what) in KINDS {
        let keys: Vec<String> = keys.iter().map(|key| format!("{key}=…")).collect();
        text += &format!("  {kind} {}\n      {what}\n", keys.join(" "));
    }
    text
}

/// The wish as the control API takes it.
fn wish(kind: &str, with: &[String]) -> Result<Value, Failure> {
    let mut fields = Map::from_iter([("kind".to_owned(), json!(kind))]);
    for pair in with {
        match pair.split_once('=') {
            Some((key, value)) if !key.is_empty() => drop(fields.insert(key.to_owned(), json!(value))),
            _ => return Err(Diagnostic::error("sandbox", format!("write key=value instead of `{pair}`")).into()),
        }
    }
    let Some((_, keys, _)) = KINDS.iter().find(|(name, ..)| *name == kind) else {
        return Err(Diagnostic::error("sandbox", format!("there is no drift `{kind}`")).detail(kinds()).into());
    };
    let missing: Vec<&str> = keys.iter().filter(|key| !fields.contains_key(**key)).copied().collect();
    let unknown: Vec<&String> = fields.keys().filter(|key| *key != "kind" && !keys.contains(&key.as_str())).collect();
    if missing.is_empty() && unknown.is_empty() {
        return Ok(Value::Object(fields));
    }
    let usage: Vec<String> = keys.iter().map(|key| format!("{key}=…")).collect();
    Err(Diagnostic::error("sandbox", format!("`{kind}` takes {}", keys.join(", ")))
        .remedy(format!("Write: tenantry sandbox drift {kind} {}", usage.join(" ")))
        .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drift_names_what_it_needs() {
        let pair = |text: &str| text.to_owned();
        let full = wish("remove-group-member", &[pair("group=GDAP = x"), pair("member=svc")]);
        assert_eq!(full.ok(), Some(json!({"kind": "remove-group-member", "group": "GDAP = x", "member": "svc"})));
        let wrong = |kind: &str, with: &[String]| wish(kind, with).unwrap_err().diagnostics().remove(0);
        let short = wrong("remove-group-member", &[pair("group=x")]);
        assert!(short.remedy.ends_with("drift remove-group-member group=… member=…"), "{}", short.remedy);
        assert!(wrong("rename", &[]).detail.contains("rename-app app=… displayName=…"));
        assert!(wish("rename-app", &[pair("app")]).is_err());
        assert!(wish("terminate-relationship", &[pair("relationship=x"), pair("why=y")]).is_err());
    }

    #[test]
    fn what_was_asked_is_a_line_each() {
        let answer = json!({ "requests": [
            {"seq": 1, "time": "2026-11-23T10:00:00Z", "method": "POST", "path": "/v1.0/$batch", "caller": "anonymous", "status": 200, "write": false},
            {"seq": 2, "time": "2026-11-23T10:00:00Z", "method": "PATCH", "path": "/v1.0/applications/1", "caller": "app", "status": 204, "write": true, "batch": 1},
        ]});
        insta::assert_snapshot!(requests(&answer), @"
        2026-11-23T10:00:00Z 200   POST   /v1.0/$batch  (anonymous)
        2026-11-23T10:00:00Z 204 *   PATCH  /v1.0/applications/1  (app)
        ");
    }
}
