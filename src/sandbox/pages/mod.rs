//! Pages for people: signing in, consenting, entering a device's code, accepting a partner's relationship.
//! Plain HTML that needs no script; the personas are the users of the world.
mod admin_consent;
mod authorize;
mod callback;
mod device;
mod gate;
mod html;
mod logout;
mod relationships;
mod session;
mod sign_in;
mod trail;

use jiff::Timestamp;

use super::gdap;
use super::http::{Answer, Call};
use super::ids;
use super::keys::Keys;
use super::state::State;
use super::sts::consent::{self, Wish};
use super::sts::flows::{Login, Outcome};
use super::sts::people::{self, Person};
use super::sts::sign_in::{Seen, record};
use super::sts::{Cx, Form, Refusal};
use session::Browser;

/// A path that people go to.
#[derive(Debug, PartialEq, Eq)]
pub struct Place {
    tenant: String,
    v1: bool,
    page: Page,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Page {
    Authorize,
    AdminConsent,
    Device,
    Logout,
    Relationships,
}

pub fn find(path: &str) -> Option<Place> {
    let lower = path.to_ascii_lowercase();
    let place = |tenant: &str, v1, page| Some(Place { tenant: tenant.to_owned(), v1, page });
    match lower.as_str() {
        "/devicelogin" | "/device" => return place("common", false, Page::Device),
        "/adminportal/home" => return place("organizations", false, Page::Relationships),
        _ => {}
    }
    let (tenant, rest) = path.strip_prefix('/')?.split_once('/')?;
    let (v1, page) = match rest.to_ascii_lowercase().as_str() {
        "oauth2/v2.0/authorize" => (false, Page::Authorize),
        "oauth2/authorize" => (true, Page::Authorize),
        "oauth2/v2.0/logout" | "oauth2/logout" => (false, Page::Logout),
        "oauth2/deviceauth" => (false, Page::Device),
        "v2.0/adminconsent" => (false, Page::AdminConsent),
        "adminconsent" => (true, Page::AdminConsent),
        _ => return None,
    };
    place(tenant, v1, page)
}

/// What a page changes in the world.
enum Deed {
    /// Somebody proved who they are: the browser remembers it.
    SignedIn(Login, Person),
    Record(Seen, Option<Refusal>),
    /// For everybody or for one; by whom.
    Grant {
        tenant: String,
        app: String,
        wish: Wish,
        all: bool,
        by: Person,
    },
    Device(String, Outcome),
    Approve {
        relationship: String,
        by: Person,
    },
    Decline {
        relationship: String,
    },
}

/// A page, and what happens with it.
struct Turn {
    answer: Answer,
    deeds: Vec<Deed>,
}

impl Turn {
    fn show(answer: Answer) -> Turn {
        Turn { answer, deeds: Vec::new() }
    }

    fn with(mut self, deed: Deed) -> Turn {
        self.deeds.push(deed);
        self
    }
}

/// A visit: what was asked, and with which browser.
struct Visit<'a> {
    cx: Cx<'a>,
    browser: Browser,
}

impl Visit<'_> {
    /// A parameter of the query, or of the form that was sent.
    fn param(&self, name: &str) -> Option<&str> {
        self.cx.call.param(name).filter(|v| !v.is_empty()).or_else(|| self.cx.form.get(name))
    }

    fn is_post(&self) -> bool {
        self.cx.call.method == "POST"
    }

    /// What the person pressed, on a page that came from us.
    fn action(&self) -> Option<&str> {
        self.cx.form.get("action").filter(|_| self.is_post())
    }

    /// The start of a form that goes to where the page came from.
    fn form(&self, flow: Option<&str>) -> String {
        let mut form = String::from("<form method=\"post\">");
        form += &html::hidden("canary", &self.browser.canary(self.cx.keys));
        if let Some(flow) = flow {
            form += &html::hidden("flow", flow);
        }
        form
    }

    /// An error that is shown, because nobody may be told by a redirect.
    fn refused(&self, refusal: &Refusal) -> Answer {
        let text = refusal.description(self.cx.state, self.cx.call, self.cx.now);
        let body = format!("{}<p id=\"code\">AADSTS{}</p>", html::alert(&text), refusal.code);
        html::page(refusal.status, "Sorry, but we’re having trouble signing you in.", &body)
    }
}

/// What is answered, who asked, and whether the state has to be kept.
pub struct Served {
    pub answer: Answer,
    pub caller: String,
    pub tenant: Option<String>,
    pub changed: bool,
}

pub fn serve(state: &mut State, keys: &Keys, call: &Call, place: &Place, now: Timestamp) -> Served {
    let form = Form::read(call);
    let turn = {
        let cx = Cx { state, keys, call, form: &form, now, v1: place.v1, named: &place.tenant };
        let visit = Visit { browser: Browser::of(&cx), cx };
        let mut turn = answer(&visit, place.page);
        let login = turn.deeds.iter().find_map(|d| match d {
            Deed::SignedIn(login, _) => Some(login.clone()),
            _ => None,
        });
        turn.answer = visit.browser.remember(keys, call.secure, login.as_ref(), turn.answer);
        turn
    };
    let mut changed = false;
    // Whoever acts is somebody first.
    let (people, others): (Vec<Deed>, Vec<Deed>) =
        turn.deeds.into_iter().partition(|d| matches!(d, Deed::SignedIn(..)));
    for deed in people.into_iter().chain(others) {
        changed |= happen(state, call, deed, now);
    }
    let client = call.param("client_id").or_else(|| form.get("client_id")).filter(|c| ids::is_guid(c));
    let caller = client.unwrap_or("anonymous").to_ascii_lowercase();
    let tenant = state.tenant_named(&place.tenant).map(|t| t.id.clone());
    Served { answer: turn.answer, caller, tenant, changed }
}

fn answer(visit: &Visit, page: Page) -> Turn {
    match visit.cx.call.method.as_str() {
        "GET" => {}
        // Clients may send the parameters of a sign-in as a form; any other form is of a page of ours.
        "POST"
            if page == Page::Authorize
                && visit.cx.form.get("canary").is_none()
                && visit.cx.form.get("action").is_none() => {}
        "POST" if visit.browser.sent(visit.cx.keys, visit.cx.form.get("canary")) => {}
        "POST" => {
            let text = "This form is not of a page that was shown to this browser. Go back and load the page again.";
            return Turn::show(html::page(403, "That did not work", &html::alert(text)));
        }
        _ => return Turn::show(Answer::empty(405).with("Allow", "GET, POST")),
    }
    match page {
        Page::Authorize => authorize::turn(visit),
        Page::AdminConsent => admin_consent::turn(visit),
        Page::Device => device::turn(visit),
        Page::Logout => logout::turn(visit),
        Page::Relationships => relationships::turn(visit),
    }
}

/// Whether the state changed.
fn happen(state: &mut State, call: &Call, deed: Deed, now: Timestamp) -> bool {
    match deed {
        Deed::SignedIn(_, person) => people::settle(state, &person, now),
        Deed::Record(seen, refused) => {
            record(state, call, &seen, refused.as_ref(), now);
            false
        }
        Deed::Grant { tenant, app, wish, all, by } => {
            let user = (!all).then_some(by.user.id.as_str());
            let done = consent::grant(state, &tenant, &app, &wish, user, now).is_ok();
            if done {
                trail::consented(state, call, &by, &tenant, &app, (&wish, all), now);
            }
            done
        }
        Deed::Device(code, outcome) => match state.flows.devices.get_mut(&code) {
            Some(device) => {
                device.outcome = Some(outcome);
                true
            }
            None => false,
        },
        Deed::Approve { relationship, by } => {
            let done = gdap::approve(state, now, &relationship, Some(&by.home)).is_ok();
            if done {
                trail::approved(state, call, &by, &relationship, now);
            }
            done
        }
        Deed::Decline { relationship } => gdap::decline(state, now, &relationship).is_ok(),
    }
}
