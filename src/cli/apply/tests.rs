use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use clap::Parser as _;

use super::*;
use crate::cli::Cli;
use crate::cli::args::Command;
use crate::cli::printer::captured;
use crate::cli::render::tests::fixtures;
use crate::cloud::executor::Watch;

/// A pass that finds what it is told to find.
struct Told {
    looked: Looked,
    applied: Option<Applied>,
    writes: AtomicUsize,
}

impl Told {
    fn new(plan: Plan) -> Told {
        Told { looked: Looked { plan, ..fixtures::waiting() }, applied: None, writes: AtomicUsize::new(0) }
    }

    fn then(mut self, applied: Applied) -> Told {
        self.applied = Some(applied);
        self
    }
}

impl Passing for Told {
    async fn look(&mut self) -> Looked {
        self.looked.clone()
    }

    async fn apply(&mut self, looked: Looked, _: Until, _: &dyn Watch) -> Applied {
        self.writes.fetch_add(1, SeqCst);
        let made = looked.plan.changes.iter().map(|c| c.address.clone()).collect();
        self.applied.clone().unwrap_or(Applied {
            made,
            done: vec![],
            failed: vec![],
            interrupted: false,
            after: fixtures::ready(),
        })
    }
}

struct Came {
    exit: Exit,
    out: String,
    err: String,
    writes: usize,
}

async fn came(line: &str, mut pass: Told, answer: Option<&str>) -> Came {
    let Command::Apply(args) = Cli::try_parse_from(line.split_whitespace()).unwrap().command else { panic!() };
    let (printer, out, err) = captured();
    let answer = answer.map(str::to_owned);
    let ask = move |_: &Printer| answer.clone();
    let apply = Apply { args: &args, printer: &Arc::new(printer), interrupt: &Arc::default(), ask: Arc::new(ask) };
    let exit = apply.run(&mut pass).await;
    Came { exit, out: out(), err: err(), writes: pass.writes.load(SeqCst) }
}

const AUTO: &str = "tenantry apply -f x --auto-approve";

#[tokio::test]
async fn only_yes_writes() {
    let yes = came("tenantry apply -f x", Told::new(fixtures::first()), Some("yes\n")).await;
    assert_eq!((yes.exit, yes.writes), (Exit::Ok, 1));
    for answer in ["y", "", "Yes", "no"] {
        let no = came("tenantry apply -f x", Told::new(fixtures::first()), Some(answer)).await;
        assert_eq!((no.exit, no.writes), (Exit::Error, 0), "{answer}");
    }
}

#[tokio::test]
async fn with_nobody_to_ask_nothing_is_written_and_the_flag_is_named() {
    let came = came("tenantry apply -f x", Told::new(fixtures::first()), None).await;
    assert_eq!((came.exit, came.writes), (Exit::Error, 0));
    assert!(came.err.contains("--auto-approve"), "{}", came.err);
    assert!(came.out.contains("Plan: 3 to create"), "{}", came.out);
}

#[tokio::test]
async fn errors_of_the_run_stop_it_before_its_first_write() {
    let plan = Plan { diagnostics: fixtures::wrong().diagnostics, ..fixtures::first() };
    let came = came(AUTO, Told::new(plan), None).await;
    assert_eq!((came.exit, came.writes), (Exit::Error, 0));
    assert!(came.err.contains("AADSTS7000215") && came.err.contains("nothing was written"), "{}", came.err);
}

#[tokio::test]
async fn an_error_of_one_object_does_not_stop_the_others() {
    let error = Diagnostic::error("Tenant/fabrikam", "not found").of_object();
    let plan = Plan { diagnostics: vec![error], ..fixtures::first() };
    let came = came(AUTO, Told::new(plan), None).await;
    assert_eq!((came.exit, came.writes), (Exit::Error, 1));
}

#[tokio::test]
async fn an_empty_plan_is_not_carried_out() {
    let mut pass = Told::new(Plan { unchanged: 4, ..Plan::default() });
    pass.looked.objects = fixtures::ready().objects;
    let came = came("tenantry apply -f x", pass, None).await;
    assert_eq!((came.exit, came.writes), (Exit::Ok, 0));
    assert!(came.out.starts_with("No changes.") && came.out.contains("contoso.com"), "{}", came.out);
}

#[tokio::test]
async fn what_waits_is_told_with_its_link_and_by_the_exit_code() {
    let after = fixtures::waiting();
    let applied = Applied {
        made: vec!["PartnerApp/rallied:application".into()],
        done: vec![],
        failed: vec![],
        interrupted: false,
        after,
    };
    let pass = || Told::new(fixtures::first()).then(applied.clone());
    let waits = came(AUTO, pass(), None).await;
    assert_eq!(waits.exit, Exit::Waiting);
    let tail = waits.out.split("Applied: 1 change made, 0 failed.").nth(1).unwrap();
    assert!(tail.contains("contoso  contoso.com  AwaitingCustomerApproval") && tail.contains(fixtures::LINK), "{tail}");
    assert_eq!(came(&format!("{AUTO} --allow-waiting"), pass(), None).await.exit, Exit::Ok);
}

#[tokio::test]
async fn nothing_to_write_now_is_waited_for_only_when_asked() {
    let pass = || Told::new(fixtures::waiting().plan);
    assert_eq!(came(AUTO, pass(), None).await.writes, 0);
    let waited = came(&format!("{AUTO} --wait"), pass(), None).await;
    assert_eq!((waited.exit, waited.writes), (Exit::Ok, 1));
}

#[tokio::test]
async fn more_changes_than_allowed_are_refused() {
    let fits = came(&format!("{AUTO} --max-changes 3"), Told::new(fixtures::first()), None).await;
    assert_eq!((fits.exit, fits.writes), (Exit::Ok, 1));
    for line in ["--max-changes 2", "--max-changes 4 --wait"] {
        let over = came(&format!("{AUTO} {line}"), Told::new(fixtures::first()), None).await;
        assert_eq!((over.exit, over.writes), (Exit::Error, 0), "{line}");
    }
}

#[tokio::test]
async fn an_interrupted_apply_says_what_is_done() {
    let made = vec!["GdapRelationship/contoso".to_owned()];
    let applied = Applied { made, done: vec![], failed: vec![], interrupted: true, after: fixtures::waiting() };
    let came = came(AUTO, Told::new(fixtures::first()).then(applied), None).await;
    assert_eq!(came.exit, Exit::Interrupted);
    assert!(came.err.contains("Interrupted. 1 change made, 2 not made."), "{}", came.err);
}

#[tokio::test]
async fn json_is_one_document_in_every_case() {
    let plans = [fixtures::first(), fixtures::wrong(), Plan::default(), fixtures::waiting().plan];
    for plan in plans {
        for line in [AUTO, "tenantry apply -f x"] {
            let came = came(&format!("{line} -o json"), Told::new(plan.clone()), None).await;
            let document: serde_json::Value = serde_json::from_str(&came.out).unwrap();
            assert!(document["applied"].is_array(), "{document}");
            assert_eq!(document["errored"], came.exit == Exit::Error, "{document}");
        }
    }
}
