//! Browsers: which one asks, who is signed in with it, and whether a form came from a page of ours.
use serde::{Deserialize, Serialize};

use crate::sandbox::clock::days;
use crate::sandbox::http::{Answer, Call};
use crate::sandbox::ids;
use crate::sandbox::keys::{Keys, Kind};
use crate::sandbox::sts::Cx;
use crate::sandbox::sts::flows::Login;
use crate::sandbox::sts::people;

const BROWSER: &str = "sandbox-browser";
const SESSION: &str = "sandbox-session";

/// One browser, by a cookie that only we can have made.
pub struct Browser {
    cookie: String,
    is_new: bool,
    /// Who is signed in.
    pub login: Option<Login>,
}

#[derive(Serialize, Deserialize)]
struct Mark {
    browser: String,
}

fn cookie<'a>(call: &'a Call, name: &str) -> Option<&'a str> {
    let all = call.header("cookie")?.split(';');
    all.filter_map(|c| c.trim().split_once('=')).find(|(n, _)| *n == name).map(|(_, v)| v)
}

impl Browser {
    pub fn of(cx: &Cx) -> Browser {
        let known = cookie(cx.call, BROWSER).filter(|c| cx.keys.unseal::<Mark>(Kind::Flow, c).is_some());
        let new = || {
            let browser = ids::guid(cx.state.seed, &["browser", &cx.call.request_id], 0);
            cx.keys.seal(Kind::Flow, &Mark { browser })
        };
        let login: Option<Login> = cookie(cx.call, SESSION).and_then(|c| cx.keys.unseal(Kind::Session, c));
        Browser {
            is_new: known.is_none(),
            cookie: known.map_or_else(new, str::to_owned),
            login: login.filter(|l| is_good(cx, l)),
        }
    }

    /// What a form of this browser carries, so that no other site can send one.
    pub fn canary(&self, keys: &Keys) -> String {
        keys.secret_of(&format!("canary {}", self.cookie))
    }

    pub fn sent(&self, keys: &Keys, canary: Option<&str>) -> bool {
        !self.is_new && canary == Some(self.canary(keys).as_str())
    }

    /// Lets the browser remember.
    pub fn remember(&self, keys: &Keys, secure: bool, login: Option<&Login>, answer: Answer) -> Answer {
        let answer = if self.is_new { answer.with("Set-Cookie", set(BROWSER, &self.cookie, secure)) } else { answer };
        match login {
            Some(login) => answer.with("Set-Cookie", set(SESSION, &keys.seal(Kind::Session, login), secure)),
            None => answer,
        }
    }
}

/// A session lasts a day, and ends when the person's tokens are revoked.
fn is_good(cx: &Cx, login: &Login) -> bool {
    let person = people::by_id(cx.state, &login.home, &login.user);
    let fresh = login.at + days(1) > cx.now.as_second();
    fresh && person.is_some_and(|p| p.is_enabled() && p.user.tokens_valid_from.as_second() <= login.at)
}

fn set(name: &str, value: &str, secure: bool) -> String {
    let secure = if secure { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}")
}

/// The browser forgets who was signed in.
pub fn forget(answer: Answer) -> Answer {
    answer.with("Set-Cookie", format!("{SESSION}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"))
}
