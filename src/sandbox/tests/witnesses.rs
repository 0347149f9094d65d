//! The table of behaviours names tests that there are.
use std::path::Path;

const TABLE: &str = include_str!("../behaviour/README.md");

fn sources(folder: &Path) -> String {
    let mut all = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all += &sources(&path);
        } else if path.extension().is_some_and(|e| e == "rs") {
            all += &std::fs::read_to_string(path).unwrap();
        }
    }
    all
}

#[test]
fn every_behaviour_is_in_the_table_and_its_tests_exist() {
    let tests = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sandbox/tests"));
    let rows: Vec<Vec<&str>> = TABLE
        .lines()
        .map(|line| line.split('|').map(str::trim).collect::<Vec<_>>())
        .filter(|cells| cells.len() == 6 && cells[1].parse::<u32>().is_ok())
        .collect();
    let numbers: Vec<u32> = rows.iter().map(|cells| cells[1].parse().unwrap()).collect();
    assert_eq!(numbers, (1..=62).collect::<Vec<_>>());
    for cells in &rows {
        for name in cells[4].split(',').map(|name| name.trim().trim_matches('`')).filter(|name| *name != "—") {
            assert!(tests.contains(&format!("fn {name}(")), "row {}: there is no test {name}", cells[1]);
        }
    }
}
