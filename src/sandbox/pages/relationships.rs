//! Where a customer's administrator accepts what a partner asks for: the page behind the approval link.
//! The link's fragment never reaches a server, so the page takes it over by a line of script, or by hand.
use super::sign_in::{self, For, Signed};
use super::{Deed, Turn, Visit, html};
use crate::sandbox::clock::{days, plus};
use crate::sandbox::facts;
use crate::sandbox::gdap::{Relationship, Status};
use crate::sandbox::http::Answer;
use crate::sandbox::sts::people::{self, Person};
use crate::sandbox::sts::{Refusal, refuse};

const TITLE: &str = "Approve partner roles";

/// May accept a partner's relationships, and nothing else.
const RELATIONSHIP_ADMINISTRATOR: &str = "fc8ad4e2-40e4-4724-8317-bcda7503ecbf";

/// The admin center is an application too.
const ADMIN_CENTER: &str = "00000006-0000-0ff1-ce00-000000000000";

const TAKE_OVER: &str = "<script>var m=/granularAdminRelationships\\/([^\\/?]+)/.exec(location.hash);if(m)location.replace(\"?relationship=\"+encodeURIComponent(m[1]))</script>";

/// GDAP FAQ: an invitation can be accepted for 90 days.
const VALID: i64 = 90;

fn ask_for_it(wrong: Option<&str>) -> Answer {
    let mut body =
        html::paragraph("Enter the id of the relationship, the last part of the link that your partner sent you.");
    body += &wrong.map(html::alert).unwrap_or_default();
    body += "<form method=\"get\">";
    body += &html::field("text", "relationship", "Relationship", "");
    body += "<button type=\"submit\">Next</button></form>";
    let status = if wrong.is_some() { 404 } else { 200 };
    html::page(status, TITLE, &(body + TAKE_OVER))
}

pub fn turn(visit: &Visit) -> Turn {
    let Some(id) = visit.param("relationship") else { return Turn::show(ask_for_it(None)) };
    let id = id.trim().to_ascii_lowercase();
    // What the partner has not sent yet is nobody else's to see.
    let found = visit.cx.state.relationships.get(&id).filter(|r| r.status != Status::Created);
    let Some(relationship) = found else {
        return Turn::show(ask_for_it(Some("There is no such relationship.")));
    };
    let what = For {
        app: "Microsoft 365 admin center",
        client: ADMIN_CENTER,
        resource: None,
        tenant: relationship.customer.as_ref().and_then(|c| visit.cx.state.tenants.get(c)),
        hint: None,
        afresh: false,
        protocol: "oAuth2",
        along: html::hidden("relationship", &id),
    };
    match sign_in::step(visit, &what) {
        Signed::Page(turn) => turn,
        Signed::Cancelled => Turn::show(html::page(200, TITLE, &html::paragraph("Nothing was approved."))),
        Signed::In { login, proof, new } => {
            let person = people::by_id(visit.cx.state, &login.home, &login.user);
            let turn = match person {
                Some(person) => decide(visit, relationship, &person, &proof),
                None => Turn::show(visit.refused(&refuse(50_058, "login_required", "The session is of nobody."))),
            };
            match new {
                Some(person) => turn.with(Deed::SignedIn(login, person)),
                None => turn,
            }
        }
    }
}

/// Only administrators of the tenant that is meant; an open invitation is for whoever comes.
fn allowed(visit: &Visit, relationship: &Relationship, person: &Person) -> Result<(), Refusal> {
    let state = visit.cx.state;
    let denied = |text: String| Refusal::new(403, "access_denied", 50_105, text);
    if person.home == state.partner || relationship.customer.as_ref().is_some_and(|c| *c != person.home) {
        return Err(denied(format!("{} is not of the customer that this relationship is for.", person.upn())));
    }
    let roles = state.tenants.get(&person.home).map(|t| people::roles(state, t, person)).unwrap_or_default();
    if roles.contains(facts::GLOBAL_ADMINISTRATOR) || roles.contains(RELATIONSHIP_ADMINISTRATOR) {
        return Ok(());
    }
    Err(denied(format!("{} is no Global Administrator: only those can approve partner roles.", person.upn())))
}

fn decide(visit: &Visit, relationship: &Relationship, person: &Person, proof: &str) -> Turn {
    if let Err(refused) = allowed(visit, relationship, person) {
        return Turn::show(html::page(refused.status, "You can't approve this", &html::alert(&refused.text)));
    }
    let open = relationship.status == Status::ApprovalPending;
    let late = relationship.locked.is_some_and(|l| plus(l, days(VALID)) < visit.cx.now);
    match visit.action() {
        Some("approve" | "decline") if !open || late => {
            Turn::show(page(visit, relationship, person, proof, open && !late))
        }
        Some("approve") => {
            let deed = Deed::Approve { relationship: relationship.id.clone(), by: person.clone() };
            let text = "The partner can use these roles as soon as the relationship is active.";
            Turn::show(html::page(200, "Roles approved", &html::paragraph(text))).with(deed)
        }
        Some("decline") => {
            let deed = Deed::Decline { relationship: relationship.id.clone() };
            let text = "The partner does not get these roles.";
            Turn::show(html::page(200, "Request declined", &html::paragraph(text))).with(deed)
        }
        _ => Turn::show(page(visit, relationship, person, proof, open && !late)),
    }
}

fn page(visit: &Visit, relationship: &Relationship, person: &Person, proof: &str, open: bool) -> Answer {
    let state = visit.cx.state;
    let partner = state.tenants.get(&state.partner).map_or("", |t| t.display_name.as_str());
    let mut body = html::paragraph(person.upn());
    body += &format!("<dl><dt>Partner</dt><dd id=\"partner\">{}</dd>", html::escape(partner));
    body += &format!("<dt>Relationship</dt><dd id=\"name\">{}</dd>", html::escape(&relationship.display_name));
    body += &format!("<dt>Duration</dt><dd id=\"duration\">{}</dd>", html::escape(&duration(relationship)));
    body += &format!("<dt>Status</dt><dd id=\"status\">{}</dd></dl>", relationship.status.as_str());
    body += "<h2>Microsoft Entra roles requested</h2>";
    body += &html::list(relationship.roles.iter().map(|r| facts::role_name(r)));
    if open {
        body += &visit.form(Some(proof));
        body += &html::hidden("relationship", &relationship.id);
        body += &html::button("action", "approve", "Approve");
        body += &html::button("action", "decline", "Decline");
        body += "</form>";
    } else {
        body += &html::paragraph("This request can no longer be approved.");
    }
    html::page(200, TITLE, &body)
}

/// `P730D` → `730 days`
fn duration(relationship: &Relationship) -> String {
    let days = relationship.duration.trim_start_matches('P').trim_end_matches('D');
    let more = if relationship.auto_extend == "P180D" { ", extended by 180 days again and again" } else { "" };
    match days.parse::<u32>() {
        Ok(days) => format!("{days} days{more}"),
        Err(_) => format!("{}{more}", relationship.duration),
    }
}
