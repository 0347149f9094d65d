//! What somebody probably meant.

/// The known words that are near to `word`, the nearest first, three at most.
pub fn near<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let lower = word.to_lowercase();
    let mut scored: Vec<(usize, &str)> = known
        .into_iter()
        .filter_map(|candidate| {
            let other = candidate.to_lowercase();
            let distance = distance(&lower, &other);
            let contains = lower.len() >= 4 && other.len() >= 4 && (other.contains(&lower) || lower.contains(&other));
            let limit = (lower.chars().count().max(other.chars().count()) / 3).clamp(1, 4);
            (distance <= limit || contains)
                .then_some((if contains { distance.min(limit) } else { distance }, candidate))
        })
        .collect();
    scored.sort();
    scored.dedup();
    scored.into_iter().take(3).map(|(_, candidate)| candidate).collect()
}

/// `Did you mean ...?` for the near words, or else what there is.
pub fn suggest<'a>(word: &str, known: impl IntoIterator<Item = &'a str> + Clone, what: &str) -> String {
    let nearest = near(word, known.clone());
    if !nearest.is_empty() {
        return format!("Did you mean {}?", list(nearest, "or"));
    }
    let mut all: Vec<&str> = known.into_iter().collect();
    all.sort_unstable();
    all.dedup();
    match all.len() {
        0 => format!("There are no {what}."),
        1..=12 => format!("There are these {what}: {}.", list(all, "and")),
        n => format!("There are {n} {what}, none of a similar name."),
    }
}

/// Words in a sentence: `a`, `b` and `c`.
pub fn list<'a>(words: impl IntoIterator<Item = &'a str>, last: &str) -> String {
    let mut words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match words.pop() {
        None => String::new(),
        Some(only) if words.is_empty() => only,
        Some(end) => format!("{} {last} {end}", words.join(", ")),
    }
}

/// Number of letters to insert, delete, change or swap with their neighbour. Long words are cut: nobody means those.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().take(64).collect();
    let b: Vec<char> = b.chars().take(64).collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = change.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before_last[j - 2] + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found() {
        let known = ["displayName", "duration", "autoExtend", "grants", "partnerRef"];
        assert_eq!(near("displayname", known), ["displayName"]);
        assert_eq!(near("dispalyName", known), ["displayName"]);
        assert_eq!(near("autoextend", known), ["autoExtend"]);
        assert_eq!(near("grant", known), ["grants"]);
        assert_eq!(near("partner", known), ["partnerRef"]);
        assert_eq!(near("colour", known), [""; 0]);
        assert_eq!(suggest("rallid", ["rallied"], "apps"), "Did you mean `rallied`?");
        assert_eq!(suggest("x", ["b", "aa"], "apps"), "Did you mean `b`?");
        assert_eq!(suggest("xyz", ["bbb", "aaa"], "apps"), "There are these apps: `aaa` and `bbb`.");
        assert_eq!(suggest("x", [], "apps"), "There are no apps.");
    }
}
