//! What of Graph is served, as a list: for documentation, and for whoever asks before they try.
use super::facts::Need;
use super::graph::routes::{self, Route};

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    pub method: &'static str,
    /// `/applications/{key}/owners`
    pub path: &'static str,
    /// What a fault or a log calls it.
    pub name: &'static str,
    /// Graph type of what is answered or written.
    pub of: &'static str,
    /// Permissions any of which opens it, `A+B|C` for A and one of B and C, for an app and for a user.
    pub app: Vec<String>,
    pub user: Vec<String>,
}

/// Every operation of Graph, by path and method.
pub fn operations() -> Vec<Operation> {
    let mut all: Vec<Operation> = routes::all().iter().map(operation).collect();
    all.sort_by_key(|o| (o.path, o.method));
    all
}

fn operation(route: &'static Route) -> Operation {
    let said = |needs: &[Need]| needs.iter().map(text).collect();
    let rule = route.rule(false, None);
    Operation {
        method: route.method,
        path: &route.pattern,
        name: &route.name,
        of: route.of,
        app: rule.map(|r| said(&r.app)).unwrap_or_default(),
        user: rule.map(|r| said(&r.user)).unwrap_or_default(),
    }
}

fn text(need: &Need) -> String {
    let mut text = need.permission.clone();
    if !need.with.is_empty() {
        text = text + "+" + &need.with.join("|");
    }
    text
}
