//! `tenantry validate` and `tenantry crds`: what needs nobody's answer.

use std::path::Path;

use serde_json::json;

use super::args::{CrdsArgs, Output, ValidateArgs};
use super::exit::Exit;
use super::failure::Failure;
use super::printer::Printer;
use super::render::{json as documents, problems};
use super::{crds, validate};
use crate::catalog::profiles;
use crate::engine::diagnostic::Diagnostic;

/// Says what is wrong with manifests.
pub fn check(args: &ValidateArgs, printer: &Printer) -> Exit {
    let profiles: Vec<(&str, i64)> = profiles::known().collect();
    let (found, summary) = validate::validate(&args.files.filename, &profiles);
    match args.output {
        Output::Text => {
            for problem in &found {
                printer.say(&problems::one(problem, printer.on_err));
            }
            let sentence = summary.sentence();
            if summary.is_valid() {
                printer.data(&format!("{}\n", printer.on_out.green(&sentence)));
            } else {
                printer.say(&printer.on_err.bold(&sentence));
            }
        }
        Output::Json => {
            let diagnostics: Vec<Diagnostic> = found.iter().filter_map(problems::diagnostic).collect();
            let objects: serde_json::Map<String, serde_json::Value> =
                summary.objects.iter().map(|(kind, count)| (kind.as_str().to_owned(), json!(count))).collect();
            printer.data(&documents::pretty(&json!({
                "format_version": "1.0",
                "tool": documents::tool(),
                "valid": summary.is_valid(),
                "objects": objects,
                "diagnostics": documents::diagnostics(&diagnostics),
            })));
        }
    }
    if summary.is_valid() { Exit::Ok } else { Exit::Error }
}

/// Prints, writes or compares the custom resource definitions.
pub fn definitions(args: &CrdsArgs, printer: &Printer) -> Exit {
    let done = match (&args.out, args.check) {
        (None, _) => {
            printer.data(&crds::stream());
            Ok(())
        }
        (Some(folder), true) => compare(folder),
        (Some(folder), false) => match crds::write(folder) {
            Ok(paths) => {
                for path in paths {
                    printer.say(&format!("wrote {}", path.display()));
                }
                Ok(())
            }
            Err(error) => Err(vec![
                Diagnostic::error("crds", format!("{} cannot be written", folder.display())).detail(error.to_string()),
            ]),
        },
    };
    match done {
        Ok(()) => Exit::Ok,
        Err(wrong) => Failure::Run(wrong).tell(printer),
    }
}

/// Whether each file is as it would be written, and no other kind's is left over.
fn compare(folder: &Path) -> Result<(), Vec<Diagnostic>> {
    let remedy = format!("Run tenantry crds --out {}.", folder.display());
    let wrong = |what: String| Diagnostic::error("crds", what).remedy(&remedy);
    let wanted = crds::render();
    let mut found: Vec<Diagnostic> = Vec::new();
    for (name, text) in &wanted {
        match std::fs::read_to_string(folder.join(name)) {
            Ok(there) if there == *text => {}
            Ok(_) => found.push(wrong(format!("{} is out of date", folder.join(name).display()))),
            Err(_) => found.push(wrong(format!("{} cannot be read", folder.join(name).display()))),
        }
    }
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for name in entries.filter_map(|entry| entry.file_name().into_string().ok()) {
        let ours = name.starts_with(&format!("{}_", crate::api::GROUP));
        if ours && !wanted.iter().any(|(known, _)| *known == name) {
            let path = folder.join(&name);
            found.push(wrong(format!("{} belongs to no kind", path.display())).remedy("Remove the file."));
        }
    }
    if found.is_empty() { Ok(()) } else { Err(found) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Files;
    use crate::cli::printer::captured;
    use std::path::PathBuf;

    fn example() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/first")
    }

    fn validate(path: PathBuf, output: Output) -> (Exit, String, String) {
        let (printer, out, err) = captured();
        let args = ValidateArgs { files: Files { filename: vec![path] }, output };
        (check(&args, &printer), out(), err())
    }

    #[test]
    fn a_valid_folder_is_said_to_be_valid() {
        let (exit, out, err) = validate(example(), Output::Text);
        assert_eq!((exit, err.as_str()), (Exit::Ok, ""));
        assert!(out.contains("1 Partner") && out.contains("valid"), "{out}");
    }

    #[test]
    fn json_is_one_document_whether_valid_or_not() {
        let broken = tempfile::tempdir().unwrap();
        std::fs::write(broken.path().join("x.yaml"), "kind: Tenant\n").unwrap();
        for (path, valid) in [(example(), true), (broken.path().to_owned(), false)] {
            let (exit, out, err) = validate(path, Output::Json);
            let document: serde_json::Value = serde_json::from_str(&out).unwrap();
            assert_eq!((document["valid"].as_bool(), exit == Exit::Ok, err.as_str()), (Some(valid), valid, ""));
            assert_eq!(document["diagnostics"].as_array().unwrap().is_empty(), valid);
        }
    }

    #[test]
    fn crds_are_compared_with_what_would_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let run = |check| {
            let (printer, _, err) = captured();
            let args = CrdsArgs { out: Some(folder.path().to_owned()), check };
            (definitions(&args, &printer), err())
        };
        assert_eq!(run(true).0, Exit::Error);
        assert_eq!(run(false).0, Exit::Ok);
        assert_eq!(run(true), (Exit::Ok, String::new()));
        std::fs::write(folder.path().join("tenantry.dev_gone.yaml"), "").unwrap();
        let (exit, said) = run(true);
        assert!(exit == Exit::Error && said.contains("belongs to no kind"), "{said}");
    }
}
