//! `tenantry sandbox serve` in a process of its own, and questions to it as a program elsewhere asks them.

use serde_json::Value;

use super::cmd::{Dir, Run, Running};

pub const STATE: &str = ".tenantry/cloud.json";
pub const CA: &str = ".tenantry/cloud.json.ca.pem";
pub const WORLD: &str = "examples/first/.sandbox/world.yaml";

/// A server that does not outlive its test.
pub struct Server<'a> {
    dir: &'a Dir,
    running: Option<Running<'a>>,
    pub url: String,
}

impl<'a> Server<'a> {
    /// Of the world of `examples/first`, which is in the folder.
    pub fn start(dir: &'a Dir, more: &[&str]) -> Server<'a> {
        Server::of(dir, WORLD, more)
    }

    pub fn of(dir: &'a Dir, world: &str, more: &[&str]) -> Server<'a> {
        let mut running = dir.cmd([&["sandbox", "serve", "--state", STATE, "--world", world], more].concat()).start();
        let line = running.first_line();
        let url = line.strip_prefix("serving ").unwrap_or_else(|| panic!("{line}")).to_owned();
        Server { dir, running: Some(running), url }
    }

    pub fn at(&self) -> &str {
        self.url.split_once("://").unwrap().1
    }

    /// SIGTERM; it ends well.
    pub fn stop(mut self) -> Run {
        let running = self.running.take().unwrap();
        running.terminate();
        let run = running.wait();
        run.ok();
        run
    }

    /// By itself.
    pub fn end(mut self) -> Run {
        self.running.take().unwrap().wait()
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.running.take().unwrap().kill();
    }

    /// `tenantry sandbox COMMAND …` of another process.
    pub fn play(&self, command: &[&str]) -> Run {
        self.dir.run([&["sandbox"], command, &["--state", STATE]].concat())
    }

    pub fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.send(method, path, &[], body)
    }

    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        if body.is_null() {
            return self.request(method, path, headers, Vec::new());
        }
        let kind = ("content-type", "application/json");
        self.request(method, path, &[&[kind], headers].concat(), body.to_string().into_bytes())
    }

    /// As a program that trusts nothing but the CA file.
    fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        runtime().block_on(async {
            let mut client = reqwest::Client::builder().no_proxy();
            if self.url.starts_with("https") {
                let ca = reqwest::Certificate::from_pem(self.dir.read(CA).as_bytes()).unwrap();
                client = client.tls_certs_only([ca]);
            }
            let client = client.build().unwrap();
            let mut request = client.request(method.parse().unwrap(), format!("{}{path}", self.url));
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let answer = request.body(body).send().await.unwrap();
            let status = answer.status().as_u16();
            let said = |(name, value): (&_, &reqwest::header::HeaderValue)| {
                (ToString::to_string(name), value.to_str().unwrap().to_owned())
            };
            let headers: Vec<(String, String)> = answer.headers().iter().map(said).collect();
            let date = headers.iter().find(|(name, _)| name == "date").map(|(_, at)| at.clone()).unwrap_or_default();
            let text = answer.text().await.unwrap();
            Answer { status, headers, date, body: serde_json::from_str(&text).unwrap_or(Value::Null), text }
        })
    }

    /// A form, as the token service takes it.
    pub fn form(&self, path: &str, form: &str) -> Answer {
        let kind = ("content-type", "application/x-www-form-urlencoded");
        self.request("POST", path, &[kind], form.as_bytes().to_vec())
    }

    pub fn get(&self, path: &str) -> Value {
        self.ask("GET", path, &Value::Null).body
    }

    pub fn counts(&self) -> Counts {
        let all = self.get("/_sandbox/counts");
        let [http, tokens, writes, next] = ["http", "tokens", "writes", "next"].map(|k| all[k].as_u64().unwrap());
        Counts { http, tokens, writes, next }
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.kill();
        }
    }
}

pub struct Answer {
    pub status: u16,
    /// In the order they came.
    pub headers: Vec<(String, String)>,
    pub date: String,
    pub body: Value,
    pub text: String,
}

#[derive(Debug, PartialEq)]
pub struct Counts {
    pub http: u64,
    pub tokens: u64,
    pub writes: u64,
    pub next: u64,
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
