//! What `docs/sandbox.md` says of the sandbox is shown by something: a line that a program of others prints, one of our
//! tests, or a limit that the page states. `tests/sandbox-claims.tsv` says by what.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use tenantry::sandbox::{Operation, operations};

use crate::support::claims::{Claim, Witness, all};
use crate::support::root;
use crate::table::exists;

const PAGE: &str = "docs/sandbox.md";
const BEGIN: &str = "<!-- made by UPDATE_DOCS=1 cargo test --test it claims: from here -->\n";
const END: &str = "<!-- to here -->\n";
/// A witness that shows more than so many things shows none of them well.
const CLAIMS_PER_WITNESS: usize = 3;

fn page() -> String {
    std::fs::read_to_string(root().join(PAGE)).unwrap()
}

/// Operations by Graph type: a line a path.
fn served() -> BTreeMap<&'static str, BTreeMap<&'static str, Vec<&'static str>>> {
    let mut types: BTreeMap<&str, BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
    for Operation { of, path, method, .. } in operations() {
        types.entry(of).or_default().entry(path).or_default().push(method);
    }
    types
}

fn table(claims: &[Claim]) -> String {
    let mut text = "| type | operations | shown by |\n|---|---|---|\n".to_owned();
    for (of, paths) in served() {
        let operations: Vec<String> =
            paths.iter().map(|(path, methods)| format!("{} `{path}`", methods.join(" "))).collect();
        let shown: Vec<String> =
            claims.iter().filter(|c| c.id == format!("type:{of}")).map(|c| c.witness.to_string()).collect();
        writeln!(text, "| {of} | {} | {} |", operations.join("<br>"), shown.join("<br>")).unwrap();
    }
    text + "\n| claim | shown by |\n|---|---|\n" + &stated(claims)
}

fn stated(claims: &[Claim]) -> String {
    let others = claims.iter().filter(|claim| !claim.id.starts_with("type:"));
    others.map(|claim| format!("| {} | {} |\n", claim.text, claim.witness)).collect()
}

#[test]
fn the_page_of_the_sandbox_has_the_table_of_what_is_served() {
    let page = page();
    let (before, rest) = page.split_once(BEGIN).expect("the page has a place for the table");
    let (found, after) = rest.split_once(END).expect("the place of the table has an end");
    let table = table(&all());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(root().join(PAGE), format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
    } else {
        assert!(found == table, "{PAGE} is old: UPDATE_DOCS=1 cargo test --test it claims");
    }
}

#[test]
fn every_claim_names_a_witness_that_exists_and_every_type_has_one() {
    let types: BTreeSet<String> = served().keys().map(|of| format!("type:{of}")).collect();
    let wrong = faults(&all(), &types, &page());
    assert!(wrong.is_empty(), "tests/sandbox-claims.tsv:\n{}", wrong.join("\n"));
    for (witness, ids) in crowded(&all()) {
        eprintln!("warning: {witness} shows {} things: {}", ids.len(), ids.join(", "));
    }
}

/// What is wrong with the claims.
fn faults(claims: &[Claim], types: &BTreeSet<String>, page: &str) -> Vec<String> {
    let limits = page.split("\n## ").find(|section| section.starts_with("Limits")).unwrap_or_default();
    let mut wrong = Vec::new();
    let mut ids = BTreeSet::new();
    for claim in claims {
        let dangling = match &claim.witness {
            // Which lines a program prints, its own test knows: support/foreign.rs.
            Witness::Client { program, line } => {
                !["javascript", "python", "go", "browser"].contains(&&**program) || !line.contains(": ")
            }
            Witness::Test(test) => !exists(test),
            Witness::Boundary(words) => !limits.contains(&**words),
        };
        if dangling {
            wrong.push(format!("{}: nothing is called {}", claim.id, claim.witness));
        }
        if claim.id.starts_with("type:") && !types.contains(&claim.id) {
            wrong.push(format!("{}: no such type is served", claim.id));
        }
        ids.insert(claim.id.clone());
    }
    wrong.extend(types.difference(&ids).map(|of| format!("{of}: nothing shows that it is served")));
    wrong
}

fn crowded(claims: &[Claim]) -> BTreeMap<String, Vec<String>> {
    let mut by: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for claim in claims {
        by.entry(claim.witness.to_string()).or_default().push(claim.id.clone());
    }
    by.retain(|_, ids| ids.len() > CLAIMS_PER_WITNESS);
    by
}

mod the_checker {
    use super::*;

    fn claims(lines: &str) -> Vec<Claim> {
        lines.lines().map(|line| Claim::of(line).unwrap()).collect()
    }

    #[test]
    fn finds_dangling_and_missing_witnesses() {
        let types = BTreeSet::from(["type:group".to_owned(), "type:user".to_owned()]);
        let page = "# A\n\n## Limits\n\nNo mail is sent.\n\n## More\n\nElsewhere.\n";
        let fine = "type:group\tgroups\tclient:python groups: members\ntype:user\tusers\tboundary:No mail is sent";
        assert_eq!(faults(&claims(fine), &types, page), [""; 0]);
        for (line, what) in [
            ("a\tb\ttest:it::gone::nowhere", "nothing is called test:it::gone::nowhere"),
            ("a\tb\tboundary:Elsewhere", "nothing is called boundary:Elsewhere"),
            ("a\tb\tclient:perl groups: members", "nothing is called client:perl groups: members"),
            ("type:mail\tb\tboundary:No mail", "no such type is served"),
        ] {
            let found = faults(&claims(&format!("{fine}\n{line}")), &types, page);
            assert!(found.len() == 1 && found[0].ends_with(what), "{line}: {found:?}");
        }
        let found = faults(&claims("type:group\tgroups\tboundary:No mail"), &types, page);
        assert_eq!(found, ["type:user: nothing shows that it is served"]);
    }

    #[test]
    fn tells_a_witness_that_shows_more_than_three_things() {
        let line = |n: usize| format!("c{n}\tx\tclient:go groups: members\n");
        assert!(crowded(&claims(&(1..=3).map(line).collect::<String>())).is_empty());
        assert_eq!(crowded(&claims(&(1..=4).map(line).collect::<String>())).len(), 1);
    }

    #[test]
    fn refuses_a_line_that_is_not_in_form() {
        assert!(Claim::of("only an id").is_none());
        assert!(Claim::of("id\ttext\tsomebody:said so").is_none());
    }
}
