//! Requests and answers as plain values, so that the cloud itself needs no server to be tested.
use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::Value;

/// One request, or one item of a `$batch`.
#[derive(Debug, Clone, Default)]
pub struct Call {
    pub method: String,
    /// From the `Host` header: absolute links of answers begin with it.
    pub host: String,
    /// It came over TLS: absolute links say `https`.
    pub secure: bool,
    /// Decoded, without the query.
    pub path: String,
    pub query: Vec<(String, String)>,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
    pub request_id: String,
    /// Its address is no text: an escape stands for nothing.
    pub malformed: bool,
}

impl Call {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str())
    }

    pub fn base(&self) -> String {
        format!("{}://{}", if self.secure { "https" } else { "http" }, self.host)
    }

    /// Splits `path?query` as it came over the wire.
    pub fn target(&mut self, raw: &str) {
        let (path, query) = raw.split_once('?').unwrap_or((raw, ""));
        self.path = decode(path);
        self.query = pairs(query);
        self.malformed = !is_escaped(path)
            || percent_decode_str(path).decode_utf8().is_err()
            || percent_decode_str(query).decode_utf8().is_err();
    }
}

/// Whether two hexadecimal digits follow each `%`.
fn is_escaped(text: &str) -> bool {
    let is_hex = |part: &str| part.as_bytes().get(..2).is_some_and(|d| d.iter().all(u8::is_ascii_hexdigit));
    text.split('%').skip(1).all(is_hex)
}

/// `a=b&c=d` as a query string or as a form body.
pub fn pairs(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|p| !p.is_empty())
        .map(|p| {
            let (k, v) = p.split_once('=').unwrap_or((p, ""));
            (decode(&k.replace('+', " ")), decode(&v.replace('+', " ")))
        })
        .collect()
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

pub fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[derive(Debug, Clone, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Body,
}

#[derive(Debug, Clone, Default)]
pub enum Body {
    #[default]
    Empty,
    Json(Value),
    Bytes(&'static str, Vec<u8>),
}

impl Answer {
    pub fn json(status: u16, body: Value) -> Answer {
        Answer { status, headers: Vec::new(), body: Body::Json(body) }
    }
    pub fn empty(status: u16) -> Answer {
        Answer { status, ..Answer::default() }
    }
    pub fn html(status: u16, text: &str) -> Answer {
        Answer { status, headers: Vec::new(), body: Body::Bytes("text/html; charset=utf-8", text.as_bytes().to_vec()) }
    }
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Answer {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}
