//! The thin edge to Microsoft: reads and writes that were planned as data become HTTP here.

pub mod answer;
pub mod auth;
pub mod clock;
pub mod desk;
pub mod endpoints;
pub mod executor;
pub mod loader;
pub mod secret;
pub mod settle;
pub mod throttle;
pub mod traffic;
pub mod wire;

use std::sync::Arc;
use std::time::Duration;

pub use auth::{Auth, Credential, Identities, ManagingApp};
pub use clock::{Clock, Sleep};
pub use endpoints::Endpoints;
pub use executor::Executor;
pub use loader::Loader;

pub use secret::Secret;
pub use throttle::Throttle;
pub use traffic::Traffic;

use answer::Answer;
use throttle::throttled;

use crate::engine::read::{Fault, Service, TenantId};
pub use wire::Wire;

/// Everything that a pass needs to reach Microsoft. Cheap to clone.
#[derive(Clone)]
pub struct Cloud {
    pub wire: Arc<Wire>,
    pub auth: Arc<Auth>,
    pub endpoints: Arc<Endpoints>,
    pub sleep: Arc<dyn Sleep>,
    pub throttle: Arc<Throttle>,
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
        patience: Option<Duration>,
    ) -> Cloud {
        let wire = Arc::new(wire);
        let endpoints = Arc::new(endpoints);
        let throttle = Arc::new(Throttle::new(patience));
        let auth = Auth::new(wire.clone(), endpoints.clone(), identities, sleep.clone(), throttle.clone());
        let auth = Arc::new(auth);
        Cloud { wire, auth, endpoints, sleep, throttle, parallelism: parallelism.max(1) }
    }
}

impl Cloud {
    /// Waits at a gate that a server has closed.
    ///
    /// # Errors
    /// The gate stays closed for longer than is waited out on the spot.
    pub(super) async fn admit(&self, tenant: &TenantId, service: Service) -> Result<(), Fault> {
        if let Some(left) = self.throttle.closed_for(tenant, service, self.wire.clock.now()) {
            if !self.throttle.bears(left) {
                return Err(throttled(self.wire.clock.now(), left));
            }
            self.sleep.sleep(left).await;
        }
        Ok(())
    }

    /// Closes the gate where an answer asks for it.
    pub(super) fn heed(&self, tenant: &TenantId, service: Service, answer: &Answer) {
        if let (429 | 503, Some(pause)) = (answer.status, answer.retry_after()) {
            self.throttle.close(tenant, service, pause, self.wire.clock.now());
        }
    }
}
