//! Answers and refusals in the shapes that Microsoft's services give them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::engine::read::{Fault, Got, Refusal};

/// One answer: of a request, or of one item of a batch.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Value,
    /// What came where JSON was expected.
    pub not_json: Option<String>,
}

impl Answer {
    pub fn ok(&self) -> bool {
        (200..300).contains(&self.status) && self.not_json.is_none()
    }

    /// How long the server wants us to wait, whatever its length.
    pub fn retry_after(&self) -> Option<Duration> {
        self.headers.get("retry-after").and_then(|s| s.trim().parse().ok()).map(Duration::from_secs)
    }

    /// Whether it came too soon, and the server says how long to wait or leaves it to us.
    pub fn is_throttled(&self) -> bool {
        self.status == 429 || (self.is_transient() && self.headers.contains_key("retry-after"))
    }

    /// Throttled, or a fault that passes by itself.
    pub fn is_transient(&self) -> bool {
        matches!(self.status, 408 | 429 | 500 | 502 | 503 | 504)
    }

    /// As the answer to a read.
    pub fn got(&self) -> Got {
        match self.status {
            200..300 if self.not_json.is_none() => Got::Found(self.body.clone().into()),
            404 if self.not_json.is_none() => Got::Absent,
            _ => match self.refusal() {
                Ok(refusal) => Got::Refused(refusal),
                Err(fault) => Got::Failed(fault),
            },
        }
    }

    /// What the server refused, and why.
    ///
    /// # Errors
    /// The answer is none of Microsoft's shapes.
    pub fn refusal(&self) -> Result<Refusal, Fault> {
        if self.status >= 500 {
            return Err(Fault {
                message: format!("the server answered {} {}", self.status, self.reason()),
                remedy: "It usually passes; run this again in a few minutes.".into(),
                after: None,
            });
        }
        if self.status < 300 || self.not_json.as_deref().is_some_and(|text| text.trim_start().starts_with('<')) {
            let kind = if self.not_json.is_some() { "a page instead of JSON" } else { "nothing that fits" };
            return Err(Fault {
                message: format!("the server answered {kind} (HTTP {})", self.status),
                remedy: "Something between here and Microsoft answered in its place: check proxy, \
                         --endpoint and network sign-in pages."
                    .into(),
                after: None,
            });
        }
        Ok(Refusal {
            status: self.status,
            code: self.code(),
            message: self.reason(),
            request_id: self
                .headers
                .get("request-id")
                .or_else(|| self.headers.get("ms-requestid"))
                .cloned()
                .or_else(|| self.body.get("correlation_id").and_then(Value::as_str).map(str::to_owned)),
        })
    }

    /// `AADSTSn` of the token service, `error.code` of Graph and Exchange, the number of Partner Center.
    fn code(&self) -> String {
        if let Some(number) = self.body.pointer("/error_codes/0").and_then(Value::as_u64) {
            return format!("AADSTS{number}");
        }
        let description = self.body.get("error_description").and_then(Value::as_str).unwrap_or_default();
        if description.starts_with("AADSTS") {
            return description.chars().take_while(char::is_ascii_alphanumeric).collect();
        }
        if self.status == 401 && self.reason().contains("MFA required") {
            return "MfaRequired".into();
        }
        match (self.body.pointer("/error/code"), self.body.get("code"), self.body.get("error")) {
            (Some(Value::String(code)), ..) => code.clone(),
            (_, Some(Value::Number(code)), _) => code.to_string(),
            (_, Some(Value::String(code)), _) | (.., Some(Value::String(code))) => code.clone(),
            _ => format!("HTTP{}", self.status),
        }
    }

    /// The server's words, cut to what is useful; the token service's carry ids and addresses
    /// behind the first sentence, which are dropped.
    fn reason(&self) -> String {
        let said = ["/error_description", "/error/message", "/error/message/value", "/description"]
            .iter()
            .find_map(|p| self.body.pointer(p).and_then(Value::as_str))
            .or(self.headers.get("x-ms-diagnostics").map(String::as_str))
            .or(self.not_json.as_deref())
            .unwrap_or_default();
        let said = said.split(" Trace ID:").next().unwrap_or_default();
        said.chars().filter(|c| !c.is_control()).take(300).collect::<String>().trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refusal(status: u16, body: Value) -> Refusal {
        Answer { status, body, ..Answer::default() }.refusal().unwrap()
    }

    #[test]
    fn each_services_error_shape_gives_its_code() {
        let sts = json!({"error": "invalid_client", "error_codes": [7000215],
            "error_description": "AADSTS7000215: Invalid client secret provided. Trace ID: x"});
        let r = refusal(401, sts);
        assert_eq!((r.code.as_str(), r.aadsts()), ("AADSTS7000215", Some(7_000_215)));
        assert_eq!(r.message, "AADSTS7000215: Invalid client secret provided.");
        let graph = json!({"error": {"code": "Authorization_RequestDenied", "message": "no"}});
        assert_eq!(refusal(403, graph).code, "Authorization_RequestDenied");
        assert_eq!(refusal(403, json!({"code": 2032, "description": "Access denied"})).code, "2032");
        let mfa = json!({"code": 401, "description": "Unauthorized - MFA required"});
        assert_eq!(refusal(401, mfa).code, "MfaRequired");
        assert_eq!(refusal(403, Value::Null).code, "HTTP403");
    }

    #[test]
    fn a_page_of_html_is_a_fault_and_never_an_answer() {
        let page = "<html><body>Sign in to the airport</body></html>";
        let answer = Answer { status: 200, not_json: Some(page.into()), ..Answer::default() };
        assert!(!answer.ok());
        let Got::Failed(fault) = answer.got() else { panic!("{:?}", answer.got()) };
        assert!(fault.message.contains("a page instead of JSON"), "{}", fault.message);
        let missing = Answer { status: 404, not_json: Some(page.into()), ..Answer::default() };
        assert!(matches!(missing.got(), Got::Failed(_)), "a proxy's 404 is not an absent object");
    }
}
