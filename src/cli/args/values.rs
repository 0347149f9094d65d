//! Values of flags.

use std::str::FromStr;
use std::time::Duration;

/// A length of time as people write it: `90s`, `30m`, `2h`, `1h30m`, `7d`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Length(pub Duration);

/// Lengths beyond this are mistakes, and would leave the range of timestamps.
const LONGEST: u64 = 10 * 366 * 86_400;

impl FromStr for Length {
    type Err = String;

    fn from_str(text: &str) -> Result<Length, String> {
        let bad = || "write a length of time such as 90s, 30m, 2h, 1h30m or 7d".to_owned();
        let (mut total, mut rest) = (0u64, text.trim());
        if rest.is_empty() {
            return Err(bad());
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
            let (number, tail) = rest.split_at(digits);
            let unit = tail.chars().next().ok_or_else(bad)?;
            let factor = match unit {
                's' => 1,
                'm' => 60,
                'h' => 3_600,
                'd' => 86_400,
                _ => return Err(bad()),
            };
            let number: u64 = number.parse().map_err(|_| bad())?;
            let part = number.checked_mul(factor).ok_or_else(bad)?;
            total = total.checked_add(part).filter(|t| *t <= LONGEST).ok_or("longer than ten years")?;
            rest = &tail[unit.len_utf8()..];
        }
        Ok(Length(Duration::from_secs(total)))
    }
}

/// A number from 1 on.
pub(super) fn positive(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(n) if n > 0 && n <= 1_000 => Ok(n),
        _ => Err("a number from 1 to 1000".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_as_people_write_them() {
        for (text, seconds) in [("90s", 90), ("30m", 1_800), ("2h", 7_200), ("1h30m", 5_400), ("7d", 604_800)] {
            assert_eq!(text.parse(), Ok(Length(Duration::from_secs(seconds))), "{text}");
        }
        for text in ["", "2", "h", "2 h", "2w", "-1h", "99999999999999999999h", "4000d", "1é"] {
            assert!(text.parse::<Length>().is_err(), "{text}");
        }
    }
}
