//! The way to a sandbox's control API, whoever serves it.

use std::time::Duration;

use serde_json::Value;

use super::failure::Failure;
use crate::engine::diagnostic::Diagnostic;

/// Loopback answers at once or not at all.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A client of `/_sandbox/…` at one address.
#[derive(Clone, Debug)]
pub struct Control {
    client: reqwest::Client,
    url: String,
}

impl Control {
    /// For the sandbox at `url`, whose certificate `ca` signed when it is served with TLS.
    ///
    /// # Errors
    /// No HTTP client can be made.
    pub fn new(url: &str, ca: Option<&[u8]>) -> Result<Control, Failure> {
        let failed = |e: reqwest::Error| Diagnostic::error("sandbox", "no HTTP client").detail(e.to_string());
        // A proxy for the internet has no business on loopback.
        let mut client = reqwest::Client::builder().no_proxy().timeout(TIMEOUT);
        for certificate in reqwest::Certificate::from_pem_bundle(ca.unwrap_or_default()).map_err(failed)? {
            client = client.add_root_certificate(certificate);
        }
        let client = client.build().map_err(failed)?;
        Ok(Control { client, url: url.trim_end_matches('/').to_owned() })
    }

    /// Plays something.
    ///
    /// # Errors
    /// What the sandbox answers, or that it does not.
    pub async fn post(&self, operation: &str, body: &Value) -> Result<Value, Failure> {
        self.answer(self.client.post(self.at(operation)).json(body)).await
    }

    /// Asks something.
    ///
    /// # Errors
    /// What the sandbox answers, or that it does not.
    pub async fn get(&self, operation: &str) -> Result<Value, Failure> {
        self.answer(self.client.get(self.at(operation))).await
    }

    fn at(&self, operation: &str) -> String {
        format!("{}/_sandbox/{operation}", self.url)
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<Value, Failure> {
        let silent = |e: reqwest::Error| {
            Diagnostic::error("sandbox", format!("the sandbox at {} does not answer", self.url))
                .detail(e.to_string())
                .remedy("If its process is gone, run the command again: the state file is opened then.")
        };
        let answer = request.send().await.map_err(silent)?;
        let ok = answer.status().is_success();
        let body: Value = answer.json().await.map_err(silent)?;
        if ok {
            return Ok(body);
        }
        let why = body.get("error").and_then(Value::as_str).unwrap_or("the sandbox refused").to_owned();
        Err(Diagnostic::error("sandbox", why).into())
    }
}
