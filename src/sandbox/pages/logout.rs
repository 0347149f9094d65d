//! Signing out.
use super::{Turn, Visit, html, session};
use crate::sandbox::http::Answer;
use crate::sandbox::sts::redirects;

/// Entra: OpenID Connect, send a sign-out request. Only a registered address is gone to.
pub fn turn(visit: &Visit) -> Turn {
    let known = |uri: &&str| {
        let apps = visit.cx.state.tenants.values().flat_map(|t| t.applications.values());
        apps.into_iter().any(|a| redirects::platform(a, uri).is_some())
    };
    let answer = match visit.param("post_logout_redirect_uri").filter(known) {
        Some(uri) => {
            let state = visit.param("state").map(|s| {
                format!("{}state={}", if uri.contains('?') { '&' } else { '?' }, crate::sandbox::http::encode(s))
            });
            Answer::empty(302).with("Location", format!("{uri}{}", state.unwrap_or_default()))
        }
        None => html::page(
            200,
            "You signed out of your account",
            &html::paragraph("It's a good idea to close all browser windows."),
        ),
    };
    Turn::show(session::forget(answer))
}
