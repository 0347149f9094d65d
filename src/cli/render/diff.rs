//! One change as the lines that differ, in words: names, never ids and never secrets.

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::super::style::Paint;
use super::clean;
use crate::engine::step::Change;

/// Shown in place of what only the apply will tell.
const LATER: &str = "(known after apply)";
/// Shown in place of a secret.
const HIDDEN: &str = "(sensitive)";
/// Lines without a difference that stay around one that differs.
const AROUND: usize = 2;

/// `value` with the fields of `names` hidden, at any depth.
pub fn masked(value: &Value, names: &[String]) -> Value {
    match value {
        Value::Object(fields) => {
            let shown = |name: &String, value: &Value| match names.contains(name) && !value.is_null() {
                true => Value::from(HIDDEN),
                false => masked(value, names),
            };
            Value::Object(fields.iter().map(|(k, v)| (k.clone(), shown(k, v))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(|item| masked(item, names)).collect()),
        other => other.clone(),
    }
}

/// The lines of a change: before and after, put together.
pub fn lines(change: &Change, paint: Paint) -> Vec<String> {
    let (before, after) = (text(change, &change.before), text(change, &change.after));
    let diff = TextDiff::from_lines(&before, &after);
    let mut lines = Vec::new();
    for (n, group) in diff.grouped_ops(AROUND).iter().enumerate() {
        if n > 0 {
            lines.push(paint.dim("  …"));
        }
        for part in group.iter().flat_map(|op| diff.iter_inline_changes(op)) {
            let mut line = String::new();
            for (strong, piece) in part.iter_strings_lossy() {
                let piece = piece.trim_end_matches('\n');
                // All of a line that has no counterpart is emphasised by being there.
                line += &match (part.tag(), strong) {
                    (ChangeTag::Equal, _) => paint.dim(piece),
                    (ChangeTag::Insert, true) => paint.strong(true, piece),
                    (ChangeTag::Insert, false) => paint.green(piece),
                    (ChangeTag::Delete, true) => paint.strong(false, piece),
                    (ChangeTag::Delete, false) => paint.red(piece),
                };
            }
            lines.push(match part.tag() {
                ChangeTag::Equal => format!("  {line}"),
                ChangeTag::Insert => format!("{} {line}", paint.green("+")),
                ChangeTag::Delete => format!("{} {line}", paint.red("-")),
            });
        }
    }
    lines
}

fn text(change: &Change, value: &Value) -> String {
    let mut lines = Vec::new();
    write(&masked(value, &change.sensitive), change, "", &mut lines);
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// A value as lines, in the manner of YAML.
fn write(value: &Value, change: &Change, pad: &str, lines: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::Null if change.volatile.contains(&name.as_str()) => {
                        lines.push(format!("{pad}{name}: {LATER}"))
                    }
                    Value::Null => {}
                    Value::Object(inner) if !inner.is_empty() => {
                        lines.push(format!("{pad}{name}:"));
                        write(value, change, &format!("{pad}  "), lines);
                    }
                    Value::Array(items) if !items.is_empty() => {
                        lines.push(format!("{pad}{name}:"));
                        write(value, change, &format!("{pad}  "), lines);
                    }
                    scalar => lines.push(format!("{pad}{name}: {}", word(scalar))),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                let mut inner = Vec::new();
                write(item, change, "", &mut inner);
                for (n, line) in inner.iter().enumerate() {
                    lines.push(format!("{pad}{}{line}", if n == 0 { "- " } else { "  " }));
                }
            }
        }
        Value::Null => {}
        scalar => lines.push(format!("{pad}{}", word(scalar))),
    }
}

/// A scalar; text is quoted only where it would be misread.
fn word(value: &Value) -> String {
    let Value::String(text) = value else { return value.to_string() };
    let plain = !text.is_empty()
        && text.trim() == text
        && !text.contains(|c: char| c.is_control() || c == '"')
        && !text.contains(": ")
        && !text.starts_with(['-', '[', '{', '#', '\''])
        && text.parse::<f64>().is_err()
        && !matches!(text.as_str(), "true" | "false" | "null");
    if plain { clean(text).into_owned() } else { clean(&value.to_string()).into_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::step::{Action, Class};
    use serde_json::json;

    fn change(before: Value, after: Value) -> Change {
        Change {
            address: "PartnerApp/rallied:application".into(),
            class: Class::Application,
            action: Action::Update,
            before,
            after,
            volatile: &["endsAt"],
            sensitive: vec!["clientSecret".into()],
            origin: String::new(),
            reason: String::new(),
        }
    }

    #[test]
    fn only_what_differs_is_shown_with_a_little_around_it() {
        let before = json!({"a": 1, "b": 2, "c": 3, "d": 4, "e": ["x", "y"], "f": {"g": "old name"}});
        let after = json!({"a": 1, "b": 2, "c": 3, "d": 4, "e": ["x", "z"], "f": {"g": "new name"}});
        let shown = lines(&change(before, after), Paint::PLAIN).join("\n");
        insta::assert_snapshot!(shown, @"
          e:
            - x
        -   - y
        +   - z
          f:
        -   g: old name
        +   g: new name
        ");
    }

    #[test]
    fn what_differs_inside_a_line_is_painted_stronger() {
        let shown = lines(&change(json!({"name": "old name"}), json!({"name": "new name"})), Paint::COLOUR);
        insta::assert_snapshot!(shown.join("\n").escape_debug().to_string(), @r"\u{1b}[31m-\u{1b}[0m \u{1b}[31mname: \u{1b}[0m\u{1b}[1m\u{1b}[4m\u{1b}[31mold\u{1b}[0m\u{1b}[31m name\u{1b}[0m\n\u{1b}[32m+\u{1b}[0m \u{1b}[32mname: \u{1b}[0m\u{1b}[1m\u{1b}[4m\u{1b}[32mnew\u{1b}[0m\u{1b}[32m name\u{1b}[0m");
    }

    #[test]
    fn secrets_are_hidden_and_what_is_not_known_yet_is_said_so() {
        let after =
            json!({"lifetime": "730d", "endsAt": null, "clientSecret": "s3cret", "keys": {"clientSecret": "s3cret"}});
        let shown = lines(&change(Value::Null, after), Paint::PLAIN).join("\n");
        insta::assert_snapshot!(shown, @"
        + clientSecret: (sensitive)
        + endsAt: (known after apply)
        + keys:
        +   clientSecret: (sensitive)
        + lifetime: 730d
        ");
        assert!(!shown.contains("s3cret"));
    }

    #[test]
    fn text_that_would_be_misread_is_quoted() {
        let shown = ["", "true", "1.5", " x", "- x", "a: b", "line\nline", "https://x/y"];
        let shown: Vec<String> = shown.iter().map(|s| word(&json!(s))).collect();
        insta::assert_snapshot!(shown.join(" | "), @r#""" | "true" | "1.5" | " x" | "- x" | "a: b" | "line\nline" | https://x/y"#);
    }
}
