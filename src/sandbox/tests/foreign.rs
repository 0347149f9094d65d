//! What programs of others ask that Microsoft's documentation does not lead one to expect.
use super::support::Cloud;

const GRAPH_APP: &str = "00000003-0000-0000-c000-000000000000";

#[tokio::test]
async fn what_only_beta_has_can_be_asked_for_there_and_nowhere_else() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let at = format!("servicePrincipals(appId='{GRAPH_APP}')?$select=samlMetadataUrl");
    let found = api.get(&format!("/beta/{at}")).await.is(200).body;
    assert!(found["samlMetadataUrl"].is_null() && found.get("samlMetadataUrl").is_some(), "{found}");
    assert!(found.get("appId").is_none(), "{found}");
    let both = api.get(&format!("/beta/{at},appId")).await.is(200).body;
    assert_eq!(both["appId"], GRAPH_APP);
    api.get(&format!("/v1.0/{at}")).await.is(400);
}
