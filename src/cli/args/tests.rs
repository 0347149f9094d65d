use clap::CommandFactory as _;

use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split_whitespace())
}

fn plan(line: &str) -> PlanArgs {
    match parse(line).unwrap().command {
        Command::Plan(args) => args,
        other => panic!("{other:?}"),
    }
}

fn apply(line: &str) -> ApplyArgs {
    match parse(line).unwrap().command {
        Command::Apply(args) => args,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn files_are_given_several_at_once_and_repeatedly_and_from_stdin() {
    let args = plan("tenantry plan -f a b -f - --sandbox");
    assert_eq!(args.sources.filename, ["a", "b", "-"].map(PathBuf::from));
    assert!(parse("tenantry plan").is_err());
}

#[test]
fn the_sandbox_takes_its_file_only_with_an_equals_sign() {
    assert_eq!(plan("tenantry plan -f a").reaching.sandbox, None);
    assert_eq!(plan("tenantry plan -f a --sandbox").reaching.sandbox, Some(SANDBOX_STATE.into()));
    assert_eq!(plan("tenantry plan --sandbox=x.json -f a").reaching.sandbox, Some("x.json".into()));
    assert!(parse("tenantry plan -f a --sandbox x.json").is_err());
    assert!(parse("tenantry plan -f a --sandbox --endpoint http://localhost").is_err());
}

#[test]
fn waiting_lasts_three_hours_unless_said_otherwise() {
    let hours = |n: u64| Some(Length(std::time::Duration::from_secs(n * 3_600)));
    assert_eq!(apply("tenantry apply -f a").wait, None);
    assert_eq!(apply("tenantry apply -f a --wait").wait, hours(3));
    assert_eq!(apply("tenantry apply -f a --wait=2h").wait, hours(2));
    assert!(parse("tenantry apply -f a --wait=soon").is_err());
}

#[test]
fn an_approval_names_a_relationship_or_all() {
    assert!(parse("tenantry sandbox approve --all").is_ok());
    assert!(parse("tenantry sandbox approve NW-contoso-standard --state x.json").is_ok());
    assert!(parse("tenantry sandbox approve").is_err());
    assert!(parse("tenantry sandbox approve NW --all").is_err());
}

#[test]
fn no_flag_takes_a_secret() {
    fn walk(command: &clap::Command) {
        for arg in command.get_arguments() {
            let name = arg.get_id().as_str();
            assert!(name == "secrets_dir" || !name.contains("secret"), "{name}");
            assert!(!name.contains("password") && !name.contains("token"), "{name}");
        }
        command.get_subcommands().for_each(walk);
    }
    walk(&Cli::command());
}

#[test]
fn every_command_explains_itself() {
    fn walk(command: &clap::Command) {
        assert!(command.get_about().is_some(), "{}", command.get_name());
        for arg in command.get_arguments().filter(|a| !a.is_hide_set()) {
            assert!(arg.get_help().is_some(), "{} {}", command.get_name(), arg.get_id());
        }
        command.get_subcommands().for_each(walk);
    }
    walk(&Cli::command());
}
