//! What the cloud costs: point reads without a network, and a world of many tenants.
use std::time::{Duration, Instant};

use super::SandboxError;
use super::clock::Clock;
use super::cloud::Cloud;
use super::genesis;
use super::http::{Answer, Body, Call};
use super::store::{Locked, Saving, Store};
use super::world::WorldFile;

/// Point reads by one thread, whose token has been seen before.
#[derive(Debug, Clone)]
pub struct Reads {
    /// The collection, and how many objects of it were read in a second.
    pub of: Vec<(String, f64)>,
}

/// A world of many tenants: made, written, read again.
#[derive(Debug, Clone, Copy)]
pub struct Fleet {
    pub make: Duration,
    pub save: Duration,
    pub load: Duration,
    pub file_bytes: u64,
    /// Of the whole process, when the world was read again; `None` where the system does not tell.
    pub resident_bytes: Option<u64>,
}

/// Reads one object of each of these collections over and over, each for a share of the time.
pub fn reads(world: &WorldFile, time: Duration) -> Result<Reads, SandboxError> {
    let folder = folder()?;
    let mut cloud = made(world, &folder)?;
    let wrong = |what: &str| SandboxError::World(format!("the benchmark needs {what}"));
    let app = world.partner.apps.first().ok_or_else(|| wrong("an app"))?;
    let secret = app.secrets.first().ok_or_else(|| wrong("a secret of the first app"))?;
    let token = token(&mut cloud, &world.partner.tenant_id, &app.client_id, &secret.value)
        .ok_or_else(|| wrong("a first app that can sign in"))?;
    let collections = ["users", "applications", "groups", "servicePrincipals"];
    let share = time / collections.len() as u32;
    let mut of = Vec::new();
    for collection in collections {
        let list = cloud.serve(get(&format!("/v1.0/{collection}?$top=1&$select=id"), &token)).0;
        let id = text(&list, "/value/0/id").ok_or_else(|| wrong(&format!("permission to read {collection}")))?;
        let read = get(&format!("/v1.0/{collection}/{id}"), &token);
        of.push((collection.to_owned(), rate(&mut cloud, &read, share)));
    }
    Ok(Reads { of })
}

/// How often a call is answered in a second, with the body as it would be sent.
fn rate(cloud: &mut Cloud, call: &Call, time: Duration) -> f64 {
    let begun = Instant::now();
    let (mut count, mut bytes) = (0_u32, 0);
    while begun.elapsed() < time {
        for _ in 0..100 {
            let (answer, _) = cloud.serve(call.clone());
            if let Body::Json(body) = answer.body {
                bytes += body.to_string().len();
            }
        }
        count += 100;
    }
    std::hint::black_box(bytes);
    f64::from(count) / begun.elapsed().as_secs_f64()
}

/// Makes a world with so many customers more, writes it and reads it again.
pub fn fleet(world: &WorldFile, customers: u32) -> Result<Fleet, SandboxError> {
    let folder = folder()?;
    let mut large = world.clone();
    large.add_fleet(customers, 1);
    let begun = Instant::now();
    let mut cloud = made(&large, &folder)?;
    let make = begun.elapsed();
    drop(large);
    let begun = Instant::now();
    cloud.save()?;
    let save = begun.elapsed();
    cloud.close()?;
    drop(cloud);
    let begun = Instant::now();
    let store = lock(&folder)?;
    let state = store.load()?;
    let load = begun.elapsed();
    let file_bytes = std::fs::metadata(file(&folder)).map(|m| m.len()).unwrap_or_default();
    let resident_bytes = resident();
    drop(state);
    Ok(Fleet { make, save, load, file_bytes, resident_bytes })
}

fn made(world: &WorldFile, folder: &tempfile::TempDir) -> Result<Cloud, SandboxError> {
    Cloud::new(genesis::state(world, 1, Clock::new(None))?, lock(folder)?)
}

fn folder() -> Result<tempfile::TempDir, SandboxError> {
    tempfile::tempdir().map_err(|source| SandboxError::Io { what: "create", path: std::env::temp_dir(), source })
}

fn file(folder: &tempfile::TempDir) -> std::path::PathBuf {
    folder.path().join("cloud.json")
}

fn lock(folder: &tempfile::TempDir) -> Result<Store, SandboxError> {
    match Store::lock(&file(folder), Saving::InBackground)? {
        Locked::Ours(store) => Ok(store),
        Locked::Theirs(_) => Err(SandboxError::Locked { path: file(folder) }),
    }
}

fn call(method: &str, target: &str) -> Call {
    let mut call = Call { method: method.to_owned(), host: "127.0.0.1".to_owned(), ..Call::default() };
    call.target(target);
    call
}

fn get(target: &str, token: &str) -> Call {
    let mut call = call("GET", target);
    call.headers.insert("authorization".to_owned(), format!("Bearer {token}"));
    call
}

fn token(cloud: &mut Cloud, tenant: &str, client: &str, secret: &str) -> Option<String> {
    let mut call = call("POST", &format!("/{tenant}/oauth2/v2.0/token"));
    call.headers.insert("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned());
    let scope = "https%3A%2F%2Fgraph.microsoft.com%2F.default";
    let secret = super::http::encode(secret);
    call.body =
        format!("grant_type=client_credentials&client_id={client}&client_secret={secret}&scope={scope}").into_bytes();
    text(&cloud.serve(call).0, "/access_token")
}

fn text(answer: &Answer, pointer: &str) -> Option<String> {
    match &answer.body {
        Body::Json(body) => body.pointer(pointer)?.as_str().map(str::to_owned),
        Body::Empty | Body::Bytes(..) => None,
    }
}

/// Memory of this process, as Linux tells it.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}
