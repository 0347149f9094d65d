//! HTML by hand: a frame for every page, and nothing of a request or of the world unescaped.
use crate::sandbox::http::Answer;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:0;background:#f3f2f1;color:#1b1a19}main{max-width:32rem;margin:4rem auto;padding:2rem;background:#fff;box-shadow:0 2px 6px #0003}label{display:block;margin:.75rem 0 .25rem}input[type=text],input[type=email],input[type=password]{width:100%;padding:.5rem;font:inherit;box-sizing:border-box}button{font:inherit;padding:.5rem 1rem;margin:.75rem .5rem 0 0;cursor:pointer}button.account{display:block;width:100%;text-align:left}.error{color:#a4262c}ul{padding-left:1.25rem}.number{font-size:2.5rem}";

/// What a browser may do with our pages: nothing but show them.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

pub fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
        out
    })
}

/// A page whose body is HTML already.
pub fn page(status: u16, title: &str, body: &str) -> Answer {
    let title = escape(title);
    let text = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style></head>\n<body><main>\n<h1>{title}</h1>\n{body}\n</main></body></html>\n"
    );
    Answer::html(status, &text)
        .with("Cache-Control", "no-store, no-cache")
        .with("Content-Security-Policy", POLICY)
        .with("X-Content-Type-Options", "nosniff")
        .with("X-Frame-Options", "DENY")
        .with("Referrer-Policy", "no-referrer")
}

pub fn hidden(name: &str, value: &str) -> String {
    format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escape(name), escape(value))
}

/// A button that says what happens when it is pressed.
pub fn button(name: &str, value: &str, text: &str) -> String {
    format!("<button type=\"submit\" name=\"{}\" value=\"{}\">{}</button>", escape(name), escape(value), escape(text))
}

/// A field with its label.
pub fn field(kind: &str, name: &str, label: &str, value: &str) -> String {
    let (name, label, value) = (escape(name), escape(label), escape(value));
    format!(
        "<label for=\"{name}\">{label}</label><input type=\"{kind}\" id=\"{name}\" name=\"{name}\" value=\"{value}\" autocomplete=\"off\">"
    )
}

pub fn paragraph(text: &str) -> String {
    format!("<p>{}</p>", escape(text))
}

/// Said aloud by screen readers.
pub fn alert(text: &str) -> String {
    format!("<p class=\"error\" role=\"alert\">{}</p>", escape(text))
}

pub fn list<'a>(items: impl Iterator<Item = &'a str>) -> String {
    let items: String = items.map(|i| format!("<li>{}</li>", escape(i))).collect();
    format!("<ul>{items}</ul>")
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn nothing_of_a_text_is_markup() {
        assert_eq!(escape("<a href=\"x\" id='y'>&"), "&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;");
    }
}
