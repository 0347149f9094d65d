//! What a pass is about: declarations, resolved, as they stand whenever they are asked for.

use std::sync::Arc;

use super::gather;
use crate::engine::diagnostic::Diagnostic;
use crate::kinds::{Resolved, Surroundings, resolve};
use crate::source::{Inputs, SecretSink, Secrets};

/// Declarations that may change between two looks: at least by what the pass itself puts into sinks.
pub trait Wanted: Send + Sync {
    /// All that is wanted now.
    fn resolved(&self) -> Arc<Resolved>;

    /// Puts diagnostics on the line of the field that is at fault, where there are lines.
    fn locate(&self, _diagnostics: &mut [Diagnostic]) {}
}

/// Declarations out of files.
pub struct Given {
    pub inputs: Inputs,
    pub secrets: Arc<Secrets>,
    pub sink: Option<Arc<dyn SecretSink>>,
}

impl Wanted for Given {
    fn resolved(&self) -> Arc<Resolved> {
        let labels = |namespace: &str| self.inputs.namespaces.get(namespace).cloned();
        let sinks = |at: &crate::api::SecretName| gather::state(&self.secrets, self.sink.as_deref(), at);
        let around = Surroundings { sinks: &sinks, labels: &labels };
        Arc::new(resolve(&gather::declared(&self.inputs), around))
    }

    fn locate(&self, diagnostics: &mut [Diagnostic]) {
        gather::locate(&self.inputs, diagnostics);
    }
}
