//! `tests/sandbox-claims.tsv`: what is said of the sandbox, and what shows it.

use std::fmt;

use super::root;

pub struct Claim {
    /// `type:group` for a Graph type that is served.
    pub id: String,
    pub text: String,
    pub witness: Witness,
}

pub enum Witness {
    /// A line that a program of `tests/clients` prints.
    Client { program: String, line: String },
    /// One of our tests.
    Test(String),
    /// Words of the page's section on limits.
    Boundary(String),
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Witness::Client { program, line } => write!(f, "client:{program} {line}"),
            Witness::Test(test) => write!(f, "test:{test}"),
            Witness::Boundary(words) => write!(f, "boundary:{words}"),
        }
    }
}

impl Claim {
    pub fn of(line: &str) -> Option<Claim> {
        let mut fields = line.split('\t');
        let (id, text, witness) = (fields.next()?, fields.next()?, fields.next()?);
        let (kind, what) = witness.split_once(':')?;
        let witness = match kind {
            "client" => {
                let (program, line) = what.split_once(' ')?;
                Witness::Client { program: program.to_owned(), line: line.to_owned() }
            }
            "test" => Witness::Test(what.to_owned()),
            "boundary" => Witness::Boundary(what.to_owned()),
            _ => return None,
        };
        Some(Claim { id: id.to_owned(), text: text.to_owned(), witness })
    }
}

pub fn all() -> Vec<Claim> {
    let text = std::fs::read_to_string(root().join("tests/sandbox-claims.tsv")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#') && *line != "id\tclaim\twitness");
    lines.map(|line| Claim::of(line).unwrap_or_else(|| panic!("not `id<TAB>claim<TAB>witness`: {line}"))).collect()
}

/// The lines that a program has to print because a claim stands on them.
pub fn expected(program: &str) -> Vec<String> {
    let line = |claim: Claim| match claim.witness {
        Witness::Client { program: of, line } if of == program => Some(line),
        _ => None,
    };
    all().into_iter().filter_map(line).collect()
}
