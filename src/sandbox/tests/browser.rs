//! A person's browser: keeps cookies, fills in the forms that a page shows, follows nothing by itself.
use std::collections::BTreeMap;

use regex::Regex;
use reqwest::Response;
use reqwest::header::{LOCATION, SET_COOKIE};

use super::support::Cloud;

pub struct Browser<'a> {
    cloud: &'a Cloud,
    http: reqwest::Client,
    cookies: BTreeMap<String, String>,
}

/// What a browser shows.
#[derive(Debug)]
pub struct Shown {
    pub status: u16,
    pub url: String,
    pub location: Option<String>,
    pub text: String,
    /// As they were set.
    pub cookies: Vec<String>,
}

impl Shown {
    #[track_caller]
    pub fn has(self, text: &str) -> Shown {
        assert!(self.text.contains(text), "no {text:?} in {}", self.text);
        self
    }

    /// The parameters of the address that the page sends back to.
    #[track_caller]
    pub fn back(&self, to: &str) -> BTreeMap<String, String> {
        let location = self.location.as_deref().unwrap_or_else(|| panic!("no redirect: {}", self.text));
        let rest = location.strip_prefix(to).unwrap_or_else(|| panic!("{location} is not {to}"));
        crate::sandbox::http::pairs(rest.trim_start_matches(['?', '#'])).into_iter().collect()
    }

    /// Fields of the form that has a button of that name and value.
    #[track_caller]
    fn form(&self, name: &str, value: &str) -> Vec<(String, String)> {
        let forms = Regex::new("(?s)<form.*?</form>").unwrap();
        let field = Regex::new("name=\"([^\"]*)\" value=\"([^\"]*)\"").unwrap();
        let named = |form: &str| {
            let all: Vec<(String, String)> = field.captures_iter(form).map(|c| (plain(&c[1]), plain(&c[2]))).collect();
            all
        };
        let hit = forms
            .find_iter(&self.text)
            .map(|f| named(f.as_str()))
            .find(|f| f.iter().any(|(n, v)| n == name && v == value));
        let all = hit.unwrap_or_else(|| panic!("no button {name}={value} in {}", self.text));
        // Of the buttons only the one that is pressed is sent.
        let texts = ["login", "passwd", "number", "otc", "relationship", "organization"];
        let is_button = |n: &str, v: &str| n == "action" && v != value && name == "action";
        all.into_iter()
            .filter(|(n, v)| {
                !is_button(n, v) && (n == name || !texts.contains(&n.as_str()) || n == "otc" || n == "relationship")
            })
            .collect()
    }

    pub fn number(&self) -> String {
        Regex::new("id=\"displaySign\">(\\d+)<").unwrap().captures(&self.text).unwrap()[1].to_owned()
    }
}

fn plain(text: &str) -> String {
    text.replace("&quot;", "\"").replace("&#39;", "'").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

impl<'a> Browser<'a> {
    pub fn new(cloud: &'a Cloud) -> Browser<'a> {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Browser { cloud, http, cookies: BTreeMap::new() }
    }

    async fn shown(&mut self, url: String, request: reqwest::RequestBuilder) -> Shown {
        let cookies: Vec<String> = self.cookies.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let answer: Response = request.header("cookie", cookies.join("; ")).send().await.unwrap();
        let set: Vec<String> =
            answer.headers().get_all(SET_COOKIE).iter().map(|c| c.to_str().unwrap().to_owned()).collect();
        for cookie in &set {
            let (name, rest) = cookie.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), rest.split(';').next().unwrap().to_owned());
        }
        let location = answer.headers().get(LOCATION).map(|l| l.to_str().unwrap().to_owned());
        Shown { status: answer.status().as_u16(), url, location, text: answer.text().await.unwrap(), cookies: set }
    }

    pub async fn open(&mut self, path: &str) -> Shown {
        let url = format!("{}{path}", self.cloud.sandbox.url());
        let request = self.http.get(&url);
        self.shown(url, request).await
    }

    /// Presses a button, with what was typed.
    pub async fn press(&mut self, page: &Shown, button: (&str, &str), typed: &[(&str, &str)]) -> Shown {
        let mut fields = page.form(button.0, button.1);
        fields.retain(|(n, _)| !typed.iter().any(|(t, _)| t == n));
        fields.extend(typed.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
        self.send(&page.url, &fields).await
    }

    pub async fn send(&mut self, url: &str, fields: &[(String, String)]) -> Shown {
        let request = self.http.post(url).form(fields);
        self.shown(url.to_owned(), request).await
    }

    /// Chooses an account, and approves with its second factor where the page asks for it.
    pub async fn sign_in(&mut self, page: &Shown, upn: &str) -> Shown {
        let next = self.press(page, ("login", upn), &[]).await;
        if !next.text.contains("displaySign") {
            return next;
        }
        let number = next.number();
        self.press(&next, ("action", "factor"), &[("number", &number)]).await
    }
}
