//! Signing in, page by page: the account, its password, its second factor.
use serde::{Deserialize, Serialize};

use super::{Deed, Turn, Visit, html};
use crate::sandbox::ids;
use crate::sandbox::keys::Kind;
use crate::sandbox::state::Tenant;
use crate::sandbox::sts::conditional_access::Verdict;
use crate::sandbox::sts::flows::Login;
use crate::sandbox::sts::people::{self, Person};
use crate::sandbox::sts::sign_in::{Seen, refusal};
use crate::sandbox::sts::{Refusal, password, refuse};

/// Accounts that a page offers by a button.
const OFFERED: usize = 20;

/// How far a sign-in has come; it travels in the forms, sealed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Stage {
    user: String,
    home: String,
    step: Step,
    /// Until when it may go on.
    until: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Step {
    Password,
    /// What the person's authenticator shows.
    Factor(u32),
    /// Done, with or without a second factor.
    Done {
        mfa: bool,
        at: i64,
    },
}

/// What a sign-in is for, as its pages and the log say it.
pub struct For<'a> {
    pub app: &'a str,
    pub client: &'a str,
    pub resource: Option<String>,
    /// Where the accounts are from that are offered; the partner's without one.
    pub tenant: Option<&'a Tenant>,
    pub hint: Option<&'a str>,
    /// An older session does not count.
    pub afresh: bool,
    pub protocol: &'static str,
    /// Fields that every form of it carries along.
    pub along: String,
}

pub enum Signed {
    /// Not yet: this page comes next.
    Page(Turn),
    Cancelled,
    /// Somebody, and the sealed proof for the forms that follow. `Some` person: just now.
    In {
        login: Login,
        proof: String,
        new: Option<Person>,
    },
}

/// Seconds for one page.
const PATIENCE: i64 = 1_800;

fn seal(visit: &Visit, person: &Person, step: Step) -> String {
    let stage = Stage {
        user: person.user.id.clone(),
        home: person.home.clone(),
        step,
        until: visit.cx.now.as_second() + PATIENCE,
    };
    visit.cx.keys.seal(Kind::Flow, &stage)
}

/// The next step of a sign-in.
pub fn step(visit: &Visit, what: &For) -> Signed {
    let stage: Option<Stage> = visit.cx.form.get("flow").and_then(|f| visit.cx.keys.unseal(Kind::Flow, f));
    let stage = stage.filter(|s| visit.is_post() && s.until > visit.cx.now.as_second());
    let person = stage.as_ref().and_then(|s| people::by_id(visit.cx.state, &s.home, &s.user));
    match (visit.action(), stage.map(|s| s.step), person) {
        (Some("cancel"), ..) => Signed::Cancelled,
        (_, Some(Step::Done { mfa, at }), Some(person)) => {
            let proof = seal(visit, &person, Step::Done { mfa, at });
            let login = Login { user: person.user.id, home: person.home, mfa, at };
            Signed::In { login, proof, new: None }
        }
        (Some("password"), Some(Step::Password), Some(person)) => checked(visit, what, person),
        (Some("factor"), Some(Step::Factor(number)), Some(person)) => factor(visit, what, person, number),
        (Some("account"), ..) => account(visit, what, visit.cx.form.get("login").unwrap_or_default()),
        _ => match (&visit.browser.login, what.afresh) {
            (Some(login), false) => known(visit, login.clone()),
            _ => begin(visit, what),
        },
    }
}

/// The account that is hinted at begins with its password, if it has one; else one is chosen.
fn begin(visit: &Visit, what: &For) -> Signed {
    let hinted = what.hint.and_then(|h| people::named(visit.cx.state, h)).filter(|p| p.user.password.is_some());
    Signed::Page(Turn::show(match hinted {
        Some(person) => password_page(visit, what, &person, None),
        None => accounts(visit, what, None),
    }))
}

/// Somebody who is signed in with this browser already.
fn known(visit: &Visit, login: Login) -> Signed {
    match people::by_id(visit.cx.state, &login.home, &login.user) {
        Some(person) => {
            let proof = seal(visit, &person, Step::Done { mfa: login.mfa, at: login.at });
            Signed::In { login, proof, new: None }
        }
        None => Signed::Cancelled,
    }
}

fn page_of(visit: &Visit, what: &For, flow: Option<&str>, title: &str, inside: &str) -> crate::sandbox::http::Answer {
    let body = format!(
        "{}{}{}{inside}</form>",
        html::paragraph(&format!("to continue to {}", what.app)),
        visit.form(flow),
        what.along
    );
    html::page(200, title, &body)
}

fn accounts(visit: &Visit, what: &For, wrong: Option<&str>) -> crate::sandbox::http::Answer {
    let state = visit.cx.state;
    let tenant = what.tenant.or_else(|| state.tenants.get(&state.partner));
    let offered = tenant.map(|t| people::offered(state, t, OFFERED)).unwrap_or_default();
    let mut inside = wrong.map(html::alert).unwrap_or_default();
    inside += &html::hidden("action", "account");
    inside += &html::field("text", "login", "Email", what.hint.unwrap_or_default());
    inside += "<button type=\"submit\">Next</button></form>";
    for person in offered {
        let text = format!("{} ({})", person.user.display_name, person.upn());
        inside += &visit.form(None);
        inside += &what.along;
        inside += &html::hidden("action", "account");
        inside += &format!(
            "<button type=\"submit\" class=\"account\" name=\"login\" value=\"{}\">{}</button></form>",
            html::escape(person.upn()),
            html::escape(&text)
        );
    }
    inside += &visit.form(None);
    inside += &what.along;
    inside += &html::button("action", "cancel", "Cancel");
    page_of(visit, what, None, "Sign in", &inside)
}

/// An account was named; its password may come with it.
fn account(visit: &Visit, what: &For, name: &str) -> Signed {
    let Some(person) = people::named(visit.cx.state, name) else {
        let text = "We couldn't find an account with that username. (AADSTS50034)";
        return Signed::Page(Turn::show(accounts(visit, what, Some(text))));
    };
    match (&person.user.password, visit.cx.form.get("passwd")) {
        (Some(_), None) => Signed::Page(Turn::show(password_page(visit, what, &person, None))),
        _ => checked(visit, what, person),
    }
}

fn password_page(visit: &Visit, what: &For, person: &Person, wrong: Option<&str>) -> crate::sandbox::http::Answer {
    let flow = seal(visit, person, Step::Password);
    let mut inside = html::paragraph(person.upn());
    inside += &wrong.map(html::alert).unwrap_or_default();
    inside += &html::field("password", "passwd", "Password", "");
    inside += &html::button("action", "password", "Sign in");
    page_of(visit, what, Some(&flow), "Enter password", &inside)
}

fn seen(what: &For, person: &Person, mfa: bool) -> Seen {
    Seen {
        tenant: what.tenant.map_or_else(|| person.home.clone(), |t| t.id.clone()),
        client: what.client.to_owned(),
        resource: what.resource.clone(),
        person: Some(person.clone()),
        interactive: true,
        protocol: what.protocol,
        mfa,
        applied: Vec::new(),
    }
}

fn checked(visit: &Visit, what: &For, person: Person) -> Signed {
    let has = person.user.password.is_some();
    if has && !password::is_right(&person.user, visit.cx.form.get("passwd").unwrap_or_default()) {
        let refused = refuse(50_126, "invalid_grant", password::WRONG);
        let text = "Your account or password is incorrect. (AADSTS50126)";
        let page = password_page(visit, what, &person, Some(text));
        return Signed::Page(Turn::show(page).with(Deed::Record(seen(what, &person, false), Some(refused))));
    }
    if !person.is_enabled() {
        let refused = refuse(50_057, "invalid_grant", "The user account is disabled.");
        let page =
            accounts(visit, what, Some("Your account has been locked. Contact your support person. (AADSTS50057)"));
        return Signed::Page(Turn::show(page).with(Deed::Record(seen(what, &person, false), Some(refused))));
    }
    match person.user.mfa {
        true => Signed::Page(Turn::show(factor_page(visit, what, &person, None))),
        false => done(visit, person, false),
    }
}

/// Asks for the second factor of somebody who is signed in without it.
pub fn step_up(visit: &Visit, what: &For, person: &Person) -> Turn {
    Turn::show(factor_page(visit, what, person, None))
}

fn factor_page(visit: &Visit, what: &For, person: &Person, wrong: Option<&str>) -> crate::sandbox::http::Answer {
    let id = ids::guid(visit.cx.state.seed, &["number", &visit.cx.call.request_id], 0);
    let number = id.bytes().fold(0u32, |n, b| (n * 31 + u32::from(b)) % 90) + 10;
    let flow = seal(visit, person, Step::Factor(number));
    let mut inside = html::paragraph(person.upn());
    inside += &wrong.map(html::alert).unwrap_or_default();
    inside +=
        &html::paragraph("The authenticator of this persona shows a number. Enter it here to approve the sign-in.");
    inside += &format!("<p class=\"number\" id=\"displaySign\">{number}</p>");
    inside += &html::field("text", "number", "Number", "");
    inside += &html::button("action", "factor", "Approve");
    inside += &html::button("action", "cancel", "Deny");
    page_of(visit, what, Some(&flow), "Approve sign in request", &inside)
}

fn factor(visit: &Visit, what: &For, person: Person, number: u32) -> Signed {
    if visit.cx.form.get("number").map(str::trim) == Some(number.to_string().as_str()) {
        return done(visit, person, true);
    }
    let refused: Refusal =
        refuse(500_121, "invalid_grant", "Authentication failed during strong authentication request.");
    let page = factor_page(visit, what, &person, Some("That is not the number. (AADSTS500121)"));
    Signed::Page(Turn::show(page).with(Deed::Record(seen(what, &person, false), Some(refused))))
}

fn done(visit: &Visit, person: Person, mfa: bool) -> Signed {
    let at = visit.cx.now.as_second();
    let login = Login { user: person.user.id.clone(), home: person.home.clone(), mfa, at };
    let proof = seal(visit, &person, Step::Done { mfa, at });
    Signed::In { login, proof, new: Some(person) }
}

/// Whether a refusal only means that a second factor is still to be given.
pub fn is_step_up(refused: &Refusal) -> bool {
    refusal(Verdict::NeedsMfa, "", true).is_some_and(|r| r.code == refused.code)
}
