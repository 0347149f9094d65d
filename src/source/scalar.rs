//! What an unquoted word of YAML is, by the rules of `kubectl`: those of YAML 1.1 as go-yaml reads them, not of YAML 1.2.
//!
//! `yes`, `on` and `y` are booleans, `017` is an octal number, `1_000` is a thousand, `2020-01-01` is a string.

use base64::Engine;
use serde_json::Number;

use super::node::Data;

/// Reads an unquoted scalar. `Err` says why it has no JSON value.
pub(super) fn plain(text: &str) -> Result<Data, String> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Data::Null),
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Ok(Data::Bool(true));
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Ok(Data::Bool(false));
        }
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf" | "-.INF" | ".nan" | ".NaN"
        | ".NAN" => {
            return Err(format!("`{text}` is no number that JSON can hold"));
        }
        _ => {}
    }
    let Some(first) = text.chars().next() else { return Ok(Data::Null) };
    let number = match first {
        '.' => decimal(text),
        '+' | '-' | '0'..='9' => {
            let digits: String = text.chars().filter(|c| *c != '_').collect();
            integer(&digits).or_else(|| decimal(&digits))
        }
        _ => None,
    };
    Ok(number.map_or_else(|| Data::String(text.to_string()), Data::Number))
}

/// Reads a scalar with an explicit tag of YAML, given without its `!!`.
pub(super) fn tagged(tag: &str, text: &str, is_plain: bool) -> Result<Data, String> {
    let wrong = || format!("the value is no `!!{tag}`");
    let value = match tag {
        "str" | "timestamp" => return Ok(Data::String(text.to_string())),
        "binary" => {
            let compact: String = text.split_whitespace().collect();
            let bytes = base64::engine::general_purpose::STANDARD.decode(compact).map_err(|_| wrong())?;
            return String::from_utf8(bytes).map(Data::String).map_err(|_| wrong());
        }
        "null" | "bool" | "int" | "float" => plain(text)?,
        _ if is_plain => return plain(text),
        _ => return Ok(Data::String(text.to_string())),
    };
    let fits = match (tag, &value) {
        ("null", Data::Null) | ("bool", Data::Bool(_)) | ("float", Data::Number(_)) => true,
        ("int", Data::Number(_)) => integer(&text.replace('_', "")).is_some(),
        _ => false,
    };
    if fits { Ok(value) } else { Err(wrong()) }
}

/// An integer with Go's prefixes, `0` alone among them.
fn integer(text: &str) -> Option<Number> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'+' => (false, &text[1..]),
        b'-' => (true, &text[1..]),
        _ => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = if let Some(rest) = lower.strip_prefix("0x") {
        (16, rest)
    } else if let Some(rest) = lower.strip_prefix("0b") {
        (2, rest)
    } else if let Some(rest) = lower.strip_prefix("0o") {
        (8, rest)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, &lower[1..])
    } else {
        (10, &lower[..])
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    if negative {
        i64::from_str_radix(&format!("-{digits}"), radix).ok().map(Number::from)
    } else {
        u64::from_str_radix(digits, radix).ok().map(Number::from)
    }
}

/// A decimal number. One without a fraction is an integer, as it is once the value is JSON.
fn decimal(text: &str) -> Option<Number> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let all_digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    let mantissa_is_one = match mantissa.split_once('.') {
        Some(("", fraction)) => !fraction.is_empty() && all_digits(fraction),
        Some((whole, fraction)) => all_digits(whole) && all_digits(fraction),
        None => !mantissa.is_empty() && all_digits(mantissa),
    };
    let exponent_is_one = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    if !mantissa_is_one || !exponent_is_one {
        return None;
    }
    let value: f64 = text.strip_prefix('+').unwrap_or(text).parse().ok()?;
    if !value.is_finite() {
        return None;
    }
    if value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0 {
        return Some(Number::from(value as i64));
    }
    Number::from_f64(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every line as `kubectl patch --local -o json` (1.32) read it.
    #[test]
    fn plain_words_are_what_kubectl_takes_them_for() {
        let table = [
            ("yes", "true"),
            ("y", "true"),
            ("Y", "true"),
            ("n", "false"),
            ("on", "true"),
            ("On", "true"),
            ("oN", "\"oN\""),
            ("0o17", "15"),
            ("017", "15"),
            ("0x1F", "31"),
            ("1_000", "1000"),
            ("1e3", "1000"),
            ("~", "null"),
            ("Null", "null"),
            ("NULL", "null"),
            ("nULL", "\"nULL\""),
            ("2020-01-01", "\"2020-01-01\""),
            ("2001-12-14t21:59:43.10-05:00", "\"2001-12-14t21:59:43.10-05:00\""),
            ("1:30", "\"1:30\""),
            ("No", "false"),
            ("OFF", "false"),
            ("1.", "1"),
            ("0b11", "3"),
            ("+12", "12"),
            ("12e03", "12000"),
            (".5", "0.5"),
            ("=", "\"=\""),
            ("TRUE", "true"),
            ("tRue", "\"tRue\""),
            ("1.5", "1.5"),
            ("-0", "0"),
            ("08", "8"),
            ("09.5", "9.5"),
            ("0.0", "0"),
            ("", "null"),
            ("+", "\"+\""),
            ("1__0", "10"),
            ("_1", "\"_1\""),
            ("0x", "\"0x\""),
            ("0o8", "\"0o8\""),
            ("0b", "\"0b\""),
            ("-0x1F", "-31"),
            ("-0o17", "-15"),
            ("+.5", "0.5"),
            ("1e", "\"1e\""),
            ("1e400", "\"1e400\""),
            ("1.0", "1"),
            ("100000000000000000000000", "1e+23"),
            ("0x1_F", "31"),
            ("1_", "1"),
            ("0_7", "7"),
            ("<<", "\"<<\""),
            ("190:20:30", "\"190:20:30\""),
            (".", "\".\""),
            ("..", "\"..\""),
            ("1.2.3", "\"1.2.3\""),
            ("-.5", "-0.5"),
            ("1e+3", "1000"),
            ("0777", "511"),
            ("0888", "888"),
            ("-017", "-15"),
            ("1_0.5", "10.5"),
            ("1.5e3", "1500"),
            ("False", "false"),
            ("0xfg", "\"0xfg\""),
            (".e3", "\".e3\""),
            ("5e-1", "0.5"),
            ("0.1e1", "1"),
            ("6.02E23", "6.02e+23"),
            ("1,000", "\"1,000\""),
            ("0b1_1", "3"),
            ("-0b11", "-3"),
            ("0B11", "3"),
            ("0X1F", "31"),
            ("0O17", "15"),
        ];
        for (text, want) in table {
            let node = super::super::node::Node { data: plain(text).unwrap(), span: Default::default() };
            assert_eq!(node.to_json().to_string(), want, "{text:?}");
        }
        for text in [".inf", "-.INF", ".nan"] {
            assert!(plain(text).is_err(), "{text}");
        }
    }

    #[test]
    fn tags_win_over_the_look() {
        let read = |tag, text, is_plain| {
            tagged(tag, text, is_plain)
                .map(|data| super::super::node::Node { data, span: Default::default() }.to_json().to_string())
        };
        assert_eq!(read("str", "365", true).as_deref(), Ok("\"365\""));
        assert_eq!(read("str", "yes", true).as_deref(), Ok("\"yes\""));
        assert_eq!(read("int", "3", false).as_deref(), Ok("3"));
        assert_eq!(read("float", "3", true).as_deref(), Ok("3"));
        assert_eq!(read("bool", "yes", false).as_deref(), Ok("true"));
        assert_eq!(read("binary", "aGk=", true).as_deref(), Ok("\"hi\""));
        assert_eq!(read("timestamp", "2020-01-01", true).as_deref(), Ok("\"2020-01-01\""));
        for (tag, text) in [("null", "x"), ("int", "3.0"), ("float", "x"), ("int", "yes"), ("binary", "!")] {
            assert!(read(tag, text, true).is_err(), "!!{tag} {text}");
        }
    }
}
