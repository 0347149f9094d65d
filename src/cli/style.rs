//! Colour: decided once for each stream, by flag, environment and terminal.

use clap::ValueEnum;
use clap::builder::styling::{AnsiColor, Style};

/// `--color`
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    Always,
    Never,
}

/// Paints text, or leaves it as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Paint {
    on: bool,
}

const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const CYAN: Style = AnsiColor::Cyan.on_default();
const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

impl Paint {
    #[cfg(test)]
    pub const PLAIN: Paint = Paint { on: false };
    #[cfg(test)]
    pub const COLOUR: Paint = Paint { on: true };

    /// `env` reads an environment variable; an empty one counts as not set.
    pub fn choose(choice: ColorChoice, terminal: bool, env: impl Fn(&str) -> Option<String>) -> Paint {
        let set = |name: &str| env(name).filter(|value| !value.is_empty());
        let on = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto if set("NO_COLOR").is_some() => false,
            ColorChoice::Auto if set("CLICOLOR_FORCE").is_some_and(|v| v != "0") => true,
            ColorChoice::Auto => terminal && set("TERM").is_none_or(|term| term != "dumb"),
        };
        Paint { on }
    }

    pub fn green(self, text: &str) -> String {
        self.with(GREEN, text)
    }

    pub fn red(self, text: &str) -> String {
        self.with(RED, text)
    }

    pub fn yellow(self, text: &str) -> String {
        self.with(YELLOW, text)
    }

    pub fn cyan(self, text: &str) -> String {
        self.with(CYAN, text)
    }

    pub fn bold(self, text: &str) -> String {
        self.with(BOLD, text)
    }

    pub fn dim(self, text: &str) -> String {
        self.with(DIM, text)
    }

    /// What differs inside a line that differs.
    pub fn strong(self, added: bool, text: &str) -> String {
        let style = if added { GREEN } else { RED };
        self.with(style.bold().underline(), text)
    }

    fn with(self, style: Style, text: &str) -> String {
        if self.on && !text.is_empty() { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auto(terminal: bool, vars: &[(&str, &str)]) -> Paint {
        Paint::choose(ColorChoice::Auto, terminal, |name| {
            vars.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn colour_goes_by_flag_then_environment_then_terminal() {
        let no_color = |_: &str| Some("1".to_owned());
        assert_eq!(Paint::choose(ColorChoice::Always, false, no_color), Paint::COLOUR);
        assert_eq!(Paint::choose(ColorChoice::Never, true, |_| None), Paint::PLAIN);
        assert_eq!(auto(true, &[]), Paint::COLOUR);
        assert_eq!(auto(false, &[]), Paint::PLAIN);
        assert_eq!(auto(true, &[("NO_COLOR", "1")]), Paint::PLAIN);
        assert_eq!(auto(true, &[("NO_COLOR", "")]), Paint::COLOUR);
        assert_eq!(auto(false, &[("CLICOLOR_FORCE", "1")]), Paint::COLOUR);
        assert_eq!(auto(false, &[("CLICOLOR_FORCE", "0")]), Paint::PLAIN);
        assert_eq!(auto(true, &[("TERM", "dumb")]), Paint::PLAIN);
    }

    #[test]
    fn what_is_painted_is_reset_at_its_end() {
        assert_eq!(Paint::PLAIN.green("x"), "x");
        assert_eq!(Paint::COLOUR.green("x"), "\u{1b}[32mx\u{1b}[0m");
        assert_eq!(Paint::COLOUR.green(""), "");
    }
}
