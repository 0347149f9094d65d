pub mod fixtures;
mod status;
mod text;

use super::*;

#[test]
fn text_of_others_cannot_drive_a_terminal() {
    assert_eq!(clean("Contoso \u{1b}[2J\u{202e}txt"), "Contoso \u{fffd}[2J\u{fffd}txt");
    assert_eq!(clean("Über – uns"), "Über – uns");
}

#[test]
fn ages_are_short() {
    let at = |s: i64| Timestamp::from_second(s).unwrap();
    let says = |s: i64| age(at(0), at(s));
    assert_eq!([says(5), says(600), says(10_000), says(400_000)], ["5s", "10m", "2h", "4d"]);
    assert_eq!(age(at(10), at(0)), "0s");
}
