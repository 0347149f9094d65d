//! What a path of Graph says: segments, keys in either form, casts, `/$count`, `/$ref`, and `/me`.
use crate::sandbox::facts;

/// A captured part of the path.
#[derive(Debug, Clone, PartialEq)]
pub enum Key {
    Plain(String),
    /// `collection(name='value')`.
    Alternate(String, String),
}

impl Key {
    pub fn text(&self) -> String {
        match self {
            Key::Plain(v) | Key::Alternate(_, v) => v.clone(),
        }
    }
}

/// What a path may end with on top of any collection or link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    Count,
    Ref,
}

/// A part of a route's pattern.
#[derive(Debug)]
pub enum Part {
    /// In lower case.
    Word(String),
    Key,
}

/// A part of a request's path.
#[derive(Debug, Clone)]
pub enum Segment {
    Word(String),
    Key(String, String),
}

impl Segment {
    pub fn text(&self) -> &str {
        match self {
            Segment::Word(w) | Segment::Key(_, w) => w,
        }
    }
}

/// Stands for the signed-in user in a path.
pub const ME: &str = "@me";

pub fn parts(pattern: &str) -> Vec<Part> {
    let part = |p: &str| if p.starts_with('{') { Part::Key } else { Part::Word(p.to_ascii_lowercase()) };
    pattern.split('/').filter(|p| !p.is_empty()).map(part).collect()
}

/// The pattern as the table of permissions writes paths: lower case, `{}` for keys, links without `$ref`.
pub fn rule(pattern: &str) -> String {
    let parts = parts(pattern);
    let words = parts.iter().map(|p| match p {
        Part::Word(w) => w.as_str(),
        Part::Key => "{}",
    });
    words.filter(|w| *w != "$ref").fold(String::new(), |path, w| path + "/" + w)
}

/// `/servicePrincipals(appId='x')/memberOf` → word, alternate key, word.
pub fn segments(path: &str) -> Vec<Segment> {
    let mut out = Vec::new();
    for part in path.split('/').filter(|p| !p.is_empty()) {
        let keyed = part.strip_suffix(')').and_then(|p| p.split_once('(')).filter(|(name, _)| !name.is_empty());
        let Some((name, inner)) = keyed else {
            out.push(Segment::Word(part.to_owned()));
            continue;
        };
        out.push(Segment::Word(name.to_owned()));
        match inner.split_once('=') {
            Some((k, v)) => out.push(Segment::Key(k.trim().to_owned(), v.trim().trim_matches('\'').replace("''", "'"))),
            // `groups('id')` is the plain key in another form.
            None if !inner.is_empty() => out.push(Segment::Word(inner.trim_matches('\'').to_owned())),
            None => {}
        }
    }
    out
}

/// `/me/…` is `/users/{the caller}/…`.
pub fn resolve_me(segments: &mut Vec<Segment>) -> bool {
    let is_me = segments.first().is_some_and(|s| s.text().eq_ignore_ascii_case("me"));
    if is_me {
        segments.splice(..1, [Segment::Word("users".to_owned()), Segment::Word(ME.to_owned())]);
    }
    is_me
}

/// Takes type names out of a path and answers the last; `microsoft.graph.` before an action is only its long name.
pub fn take_casts(segments: &mut Vec<Segment>) -> Option<String> {
    let mut cast = None;
    segments.retain_mut(|s| {
        let Segment::Word(word) = s else { return true };
        let Some(name) = word.strip_prefix("microsoft.graph.").or_else(|| word.strip_prefix("graph.")) else {
            return true;
        };
        let known = facts::types().types.keys().find(|t| t.eq_ignore_ascii_case(name));
        if let Some(name) = known {
            cast = Some(name.clone());
            return false;
        }
        *word = name.to_owned();
        true
    });
    cast
}

/// `…/$count` and `…/$ref`, apart from what they are of.
pub fn split_tail(segments: &[Segment]) -> Option<(Tail, &[Segment])> {
    let (last, rest) = segments.split_last()?;
    match last.text() {
        "$count" => Some((Tail::Count, rest)),
        "$ref" => Some((Tail::Ref, rest)),
        _ => None,
    }
}

/// The captures of a pattern that agrees with all of the path, or how far it agrees.
pub fn fit(pattern: &[Part], path: &[Segment]) -> Result<Vec<Key>, usize> {
    let mut keys = Vec::new();
    for (i, part) in pattern.iter().enumerate() {
        match (part, path.get(i)) {
            (Part::Key, Some(Segment::Word(v))) if !v.starts_with('$') => keys.push(Key::Plain(v.clone())),
            (Part::Key, Some(Segment::Key(k, v))) => keys.push(Key::Alternate(k.clone(), v.clone())),
            (Part::Word(w), Some(Segment::Word(v))) if v.eq_ignore_ascii_case(w) => {}
            _ => return Err(i),
        }
    }
    if path.len() == pattern.len() { Ok(keys) } else { Err(pattern.len()) }
}
