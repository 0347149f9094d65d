//! The objects that were read.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::node::{Node, Span};
use super::problem::{Place, Problem, Text};
use crate::api::{GdapTemplateSpec, Kind, PartnerAppSpec, PartnerSpec, Spec, TenantClassSpec, TenantSpec};

/// What an object goes by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Name {
    /// The name as people write it: `Tenant/contoso`.
    pub fn address(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }
}

/// The text that an object was read from.
#[derive(Debug)]
pub(super) struct Origin {
    pub text: Arc<Text>,
    pub node: Node,
}

/// An object of ours.
#[derive(Clone, Debug)]
pub struct Object {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Its namespace, `default` if none was given.
    pub namespace: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// What it declares, with the schema's defaults.
    pub spec: Spec,
    /// Where it begins.
    pub place: Place,
    origin: Option<Arc<Origin>>,
}

impl Object {
    /// An object that comes from no file.
    pub fn new(name: impl Into<String>, namespace: impl Into<String>, spec: Spec) -> Self {
        Object {
            kind: spec.kind(),
            name: name.into(),
            namespace: namespace.into(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            spec,
            place: Place::default(),
            origin: None,
        }
    }

    pub(super) fn read(
        name: String,
        namespace: String,
        labels: BTreeMap<String, String>,
        annotations: BTreeMap<String, String>,
        spec: Spec,
        origin: Arc<Origin>,
    ) -> Self {
        let span = super::kinds::head(&origin.node);
        let place = Place { file: origin.text.name.clone(), line: span.line, column: span.column };
        Object { kind: spec.kind(), name, namespace, labels, annotations, spec, place, origin: Some(origin) }
    }

    /// The object as people write it: `Tenant/contoso`.
    pub fn address(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }

    /// What the object goes by.
    pub fn key(&self) -> Name {
        Name { kind: self.kind, namespace: self.namespace.clone(), name: self.name.clone() }
    }

    /// Where a field stands, for example `spec.duration`; the nearest field around it if it is not written out.
    pub fn place_of(&self, path: &str) -> Place {
        match &self.origin {
            Some(origin) => {
                let span = origin.node.locate(path);
                Place { file: origin.text.name.clone(), line: span.line, column: span.column }
            }
            None => self.place.clone(),
        }
    }

    /// `problem`, about a field of this object: with its address, its place and the line.
    pub fn blame(&self, problem: Problem, path: &str) -> Problem {
        let problem = problem.path(path).address(self.address());
        match &self.origin {
            Some(origin) => problem.at(&origin.text, origin.node.locate(path)),
            None => Problem { place: self.place.clone(), ..problem },
        }
    }

    /// The same about the object as a whole: the line of its name.
    pub fn blame_whole(&self, problem: Problem) -> Problem {
        let problem = problem.address(self.address());
        match &self.origin {
            Some(origin) => {
                let name = origin.node.locate("metadata.name");
                problem.at(&origin.text, Span { ..name })
            }
            None => Problem { place: self.place.clone(), ..problem },
        }
    }
}

/// The objects of a run, found by kind, namespace and name.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    all: Vec<Object>,
    index: HashMap<Name, usize>,
}

impl Objects {
    /// Adds an object. `Err` gives it back if one of its name is there.
    pub fn insert(&mut self, object: Object) -> Result<(), Box<Object>> {
        let key = object.key();
        if self.index.contains_key(&key) {
            return Err(Box::new(object));
        }
        self.index.insert(key, self.all.len());
        self.all.push(object);
        Ok(())
    }

    /// All objects, in the order in which they were read.
    pub fn iter(&self) -> impl Iterator<Item = &Object> {
        self.all.iter()
    }

    /// The objects of a kind.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &Object> {
        self.all.iter().filter(move |object| object.kind == kind)
    }

    /// The number of objects.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The object of that kind, namespace and name.
    pub fn get(&self, kind: Kind, namespace: &str, name: &str) -> Option<&Object> {
        let key = Name { kind, namespace: namespace.into(), name: name.into() };
        self.index.get(&key).and_then(|index| self.all.get(*index))
    }

    /// The spec of a Partner.
    pub fn partner(&self, namespace: &str, name: &str) -> Option<(&Object, &PartnerSpec)> {
        let object = self.get(Kind::Partner, namespace, name)?;
        if let Spec::Partner(spec) = &object.spec { Some((object, spec)) } else { None }
    }

    /// The spec of a PartnerApp.
    pub fn partner_app(&self, namespace: &str, name: &str) -> Option<(&Object, &PartnerAppSpec)> {
        let object = self.get(Kind::PartnerApp, namespace, name)?;
        if let Spec::PartnerApp(spec) = &object.spec { Some((object, spec)) } else { None }
    }

    /// The spec of a GdapTemplate.
    pub fn gdap_template(&self, namespace: &str, name: &str) -> Option<(&Object, &GdapTemplateSpec)> {
        let object = self.get(Kind::GdapTemplate, namespace, name)?;
        if let Spec::GdapTemplate(spec) = &object.spec { Some((object, spec)) } else { None }
    }

    /// The spec of a TenantClass.
    pub fn tenant_class(&self, namespace: &str, name: &str) -> Option<(&Object, &TenantClassSpec)> {
        let object = self.get(Kind::TenantClass, namespace, name)?;
        if let Spec::TenantClass(spec) = &object.spec { Some((object, spec)) } else { None }
    }

    /// The spec of a Tenant.
    pub fn tenant(&self, namespace: &str, name: &str) -> Option<(&Object, &TenantSpec)> {
        let object = self.get(Kind::Tenant, namespace, name)?;
        if let Spec::Tenant(spec) = &object.spec { Some((object, spec)) } else { None }
    }
}
