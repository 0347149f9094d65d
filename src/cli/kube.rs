//! The way to a cluster, as kubectl finds it; and what is declared there.

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use super::failure::Failure;
use crate::controller::{Gathered, read};
use crate::engine::diagnostic::Diagnostic;

/// A client for the cluster of `KUBECONFIG`, `~/.kube/config` or the pod that this runs in.
///
/// # Errors
/// There is no configuration, or it cannot be used.
pub async fn client(context: Option<&str>) -> Result<Client, Failure> {
    let remedy = "Set KUBECONFIG or ~/.kube/config as for kubectl; --context names another context of it.";
    let wrong = |why: String| -> Failure {
        Diagnostic::error("cluster", "no way to a cluster").detail(why).remedy(remedy).into()
    };
    let config = match context {
        Some(context) => {
            let options = KubeConfigOptions { context: Some(context.to_owned()), ..KubeConfigOptions::default() };
            let file = Kubeconfig::read().map_err(|e| wrong(e.to_string()))?;
            Config::from_custom_kubeconfig(file, &options).await.map_err(|e| wrong(e.to_string()))?
        }
        None => Config::infer().await.map_err(|e| wrong(e.to_string()))?,
    };
    Client::try_from(config).map_err(|e| wrong(e.to_string()))
}

/// What a cluster declares, as inputs.
///
/// # Errors
/// The API server does not answer, or refuses.
pub async fn gather(context: Option<&str>, namespace: Option<&str>) -> Result<Gathered, Failure> {
    let client = client(context).await?;
    read(client, namespace).await.map_err(|error| {
        Diagnostic::error("cluster", "the objects of the cluster cannot be read")
            .detail(error.to_string())
            .remedy("Check that the CRDs are installed (tenantry crds | kubectl apply --server-side -f -), and your rights: get and list on tenantry.dev, on namespaces, and on Secrets with the label tenantry.dev/use.")
            .into()
    })
}
