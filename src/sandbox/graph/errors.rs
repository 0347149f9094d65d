//! Graph's error answers: shapes and texts as Microsoft sends them.
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::sandbox::http::{Answer, Call};

/// A refusal on its way to becoming an answer.
#[derive(Debug, Clone)]
pub struct Failure {
    pub status: u16,
    pub code: &'static str,
    pub message: String,
    pub headers: Vec<(String, String)>,
    /// The GDAP backend answers in a shape of its own, with lower-case codes.
    pub backend: bool,
}

impl Failure {
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Failure {
        Failure { status, code, message: message.into(), headers: Vec::new(), backend: false }
    }
    pub fn bad(message: impl Into<String>) -> Failure {
        Failure::new(400, "Request_BadRequest", message)
    }
    pub fn bad_query(message: impl Into<String>) -> Failure {
        Failure::new(400, "BadRequest", message)
    }
    pub fn unsupported(message: impl Into<String>) -> Failure {
        Failure::new(400, "Request_UnsupportedQuery", message)
    }
    /// Graph: errors, `Request_ResourceNotFound`.
    pub fn not_found(id: &str) -> Failure {
        Failure::new(
            404,
            "Request_ResourceNotFound",
            format!("Resource '{id}' does not exist or one of its queried reference-property objects are not present."),
        )
    }
    pub fn denied() -> Failure {
        Failure::new(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
    }
    pub fn token(message: &str) -> Failure {
        Failure::new(401, "InvalidAuthenticationToken", message)
    }
    pub fn required(property: &str, resource: &str) -> Failure {
        Failure::bad(format!("A value is required for property '{property}' of resource '{resource}'."))
    }
    /// OData: a body of another kind than JSON.
    pub fn media_type(kind: &str) -> Failure {
        let text = format!(
            "A supported MIME type could not be found that matches the content type of the request. None of the supported type(s) 'application/json' matches the content type '{kind}'."
        );
        Failure::new(415, "UnsupportedMediaType", text)
    }
    pub fn segment(segment: &str) -> Failure {
        Failure::bad_query(format!("Resource not found for the segment '{segment}'."))
    }
    /// The backend of delegated admin relationships.
    pub fn gdap(status: u16, code: &'static str, message: impl Into<String>) -> Failure {
        Failure { backend: true, ..Failure::new(status, code, message) }
    }
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Failure {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub fn answer(self, call: &Call, now: Timestamp) -> Answer {
        let client = call.header("client-request-id").unwrap_or(&call.request_id);
        let inner = json!({
            "date": now.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
            "request-id": call.request_id,
            "client-request-id": client,
        });
        let mut error = json!({ "code": self.code, "message": self.message, "innerError": inner });
        let mut body = serde_json::Map::new();
        if self.backend {
            if let Some(e) = error.as_object_mut() {
                e.insert("target".to_owned(), Value::String(call.path.clone()));
                e.insert("details".to_owned(), json!([]));
            }
            let context = "http://localhost/v1/$metadata#microsoft.partner.customerserviceadministration.errorResponse";
            body.insert("@odata.context".to_owned(), Value::String(context.to_owned()));
        }
        body.insert("error".to_owned(), error);
        let mut answer = Answer::json(self.status, Value::Object(body));
        answer.headers = self.headers;
        if self.status == 401 {
            let text =
                "Bearer realm=\"\", authorization_uri=\"https://login.microsoftonline.com/common/oauth2/authorize\"";
            answer = answer.with("WWW-Authenticate", text);
        }
        answer
    }
}
