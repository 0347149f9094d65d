//! Back to the client: by the query, the fragment, or a form that the browser posts.
use super::html;
use crate::sandbox::http::{Answer, encode};
use crate::sandbox::sts::{Cx, Refusal};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Query,
    Fragment,
    FormPost,
}

/// Where a sign-in ends. The address is one that the client registered.
#[derive(Debug, Clone)]
pub struct Callback {
    pub uri: String,
    pub mode: Mode,
    pub state: Option<String>,
}

/// Posts itself where scripts run, and has a button where they do not.
const POST: &str = "<script>document.forms[0].submit()</script>";

impl Callback {
    pub fn send(&self, mut fields: Vec<(&str, String)>) -> Answer {
        if let Some(state) = &self.state {
            fields.push(("state", state.clone()));
        }
        if self.mode == Mode::FormPost {
            let inputs: String = fields.iter().map(|(name, value)| html::hidden(name, value)).collect();
            let uri = html::escape(&self.uri);
            let body = format!(
                "<form method=\"post\" action=\"{uri}\">{inputs}<button type=\"submit\">Continue</button></form>{POST}"
            );
            return html::page(200, "Working...", &body);
        }
        let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        let mark = match self.mode {
            Mode::Fragment => '#',
            _ if self.uri.contains('?') => '&',
            _ => '?',
        };
        Answer::empty(302)
            .with("Location", format!("{}{mark}{}", self.uri, pairs.join("&")))
            .with("Cache-Control", "no-store, no-cache")
    }

    /// An OAuth error, with Entra's text.
    pub fn error(&self, cx: &Cx, error: &str, refused: &Refusal) -> Answer {
        let mut fields = vec![("error", error.to_owned())];
        fields.push(("error_description", refused.description(cx.state, cx.call, cx.now)));
        if let Some(suberror) = refused.suberror {
            fields.push(("suberror", suberror.to_owned()));
        }
        fields.push(("error_uri", format!("{}/error?code={}", cx.call.base(), refused.code)));
        self.send(fields)
    }
}
