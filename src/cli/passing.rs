//! What the commands need of a pass, so that they can be tried without a cloud.

use crate::cloud::executor::Watch;
use crate::pass::{Applied, Looked, Until};

/// Looks at everything, and makes it so.
pub trait Passing {
    /// Reads; writes nothing.
    fn look(&mut self) -> impl Future<Output = Looked> + Send;

    /// Carries out what was looked at, and reads again.
    fn apply(&mut self, looked: Looked, until: Until, watch: &dyn Watch) -> impl Future<Output = Applied> + Send;
}
