//! The thin edge to Microsoft: reads and writes that were planned as data become HTTP here.

pub mod answer;
pub mod auth;
pub mod clock;
pub mod endpoints;
pub mod executor;
pub mod loader;
pub mod secret;
pub mod settle;
pub mod traffic;
pub mod wire;

use std::sync::Arc;

pub use auth::{Auth, Credential, Identities, ManagingApp};
pub use clock::{Clock, Sleep};
pub use endpoints::Endpoints;
pub use executor::Executor;
pub use loader::Loader;

pub use secret::Secret;
pub use traffic::Traffic;
pub use wire::Wire;

/// Everything that a pass needs to reach Microsoft. Cheap to clone.
#[derive(Clone)]
pub struct Cloud {
    pub wire: Arc<Wire>,
    pub auth: Arc<Auth>,
    pub endpoints: Arc<Endpoints>,
    pub sleep: Arc<dyn Sleep>,
    /// Requests that may be under way at once.
    pub parallelism: usize,
}

impl Cloud {
    pub fn new(
        wire: Wire,
        endpoints: Endpoints,
        identities: Identities,
        sleep: Arc<dyn Sleep>,
        parallelism: usize,
    ) -> Cloud {
        let wire = Arc::new(wire);
        let endpoints = Arc::new(endpoints);
        let auth = Arc::new(Auth::new(wire.clone(), endpoints.clone(), identities, sleep.clone()));
        Cloud { wire, auth, endpoints, sleep, parallelism: parallelism.max(1) }
    }
}
