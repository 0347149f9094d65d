//! The organisation, its domains, what it bought, and how others know it.
use serde_json::{Value, json};

use super::policy_support::*;
use super::support::*;

#[tokio::test]
async fn the_organisation_shows_its_domains_and_plans() {
    let cloud = cloud().await;
    let api = cloud.home().await;
    let path = format!("/v1.0/organization/{PARTNER}");
    let seen = api.get(&path).await.is(200).body;
    let domains = seen["verifiedDomains"].as_array().unwrap();
    assert!(domains[0]["isDefault"] == true && domains[1]["isInitial"] == true && domains.len() == 2);
    assert!(
        seen["assignedPlans"]
            .as_array()
            .unwrap()
            .iter()
            .any(|p| p["service"] == "exchange" && p["capabilityStatus"] == "Enabled")
    );
    api.patch(&path, json!({ "technicalNotificationMails": ["it@northwind.example"], "privacyProfile": { "statementUrl": "https://northwind.example/privacy" } })).await.is(204);
    let seen = api.get(&path).await.body;
    assert_eq!(seen["technicalNotificationMails"], json!(["it@northwind.example"]));
    assert_eq!(seen["privacyProfile"]["statementUrl"], "https://northwind.example/privacy");
    api.patch(&path, json!({ "displayName": "Southwind" })).await.is(400);
    api.patch(&path, json!({ "technicalNotificationMails": ["nobody"] })).await.is(400);
    api.patch(&format!("/v1.0/organization/{CONTOSO}"), json!({})).await.is(404);
}

#[tokio::test]
async fn a_domain_is_added_verified_used_and_removed() {
    let cloud = cloud().await;
    let api = cloud.home().await;
    let made = api.post("/v1.0/domains", json!({ "id": "New.Example" })).await.is(201);
    assert_eq!(
        (&made.body["id"], &made.body["isVerified"], &made.body["supportedServices"]),
        (&json!("new.example"), &json!(false), &json!([]))
    );
    api.post("/v1.0/domains", json!({ "id": "new.example" })).await.is(400);
    for bad in ["", "nodot", "-x.example", "x.onmicrosoft.com"] {
        api.post("/v1.0/domains", json!({ "id": bad })).await.is(400);
    }
    let path = "/v1.0/domains/new.example";
    let records = api.list(&format!("{path}/verificationDnsRecords")).await;
    assert_eq!(records[0]["@odata.type"], "#microsoft.graph.domainDnsTxtRecord");
    assert!(records[0]["text"].as_str().unwrap().starts_with("MS=ms") && records[1]["recordType"] == "Mx");
    api.patch(path, json!({ "isDefault": true })).await.is(400);
    assert!(api.list("/v1.0/organization").await[0]["verifiedDomains"].as_array().unwrap().len() == 2);
    let verified = api.send(reqwest::Method::POST, &format!("{path}/verify"), &[], None).await.is(200);
    assert_eq!(verified.body["isVerified"], true);
    let find = "/v1.0/tenantRelationships/findTenantInformationByDomainName(domainName='new.example')";
    assert_eq!(api.get(find).await.is(200).body["tenantId"], PARTNER);
    api.patch(path, json!({ "isDefault": true, "supportedServices": ["Email", "OfficeCommunicationsOnline"] }))
        .await
        .is(204);
    assert_eq!(api.get("/v1.0/domains/northwind.example").await.body["isDefault"], false);
    let configuration = api.list(&format!("{path}/serviceConfigurationRecords")).await;
    assert!(configuration.iter().any(|r| r["mailExchange"] == "new-example.mail.protection.outlook.com"));
    api.delete(path).await.is(400);
    api.patch("/v1.0/domains/northwind.example", json!({ "isDefault": true })).await.is(204);
    api.delete(path).await.is(204);
    api.get(path).await.is(404);
    api.get(find).await.is(404);
}

#[tokio::test]
async fn a_domain_in_use_or_of_somebody_else_stays_where_it_is() {
    let cloud = cloud().await;
    let api = cloud.home().await;
    api.delete("/v1.0/domains/northwind.onmicrosoft.com").await.is(400);
    api.post("/v1.0/domains", json!({ "id": "contoso.com" })).await.is(201);
    api.send(reqwest::Method::POST, "/v1.0/domains/contoso.com/verify", &[], None).await.is(400);
    let sub = api.post("/v1.0/domains", json!({ "id": "mail.northwind.example" })).await.is(201).body;
    assert_eq!((&sub["isVerified"], &sub["isRoot"]), (&json!(true), &json!(false)));
    assert_eq!(
        api.get("/v1.0/domains/mail.northwind.example/rootDomain").await.is(200).body["id"],
        "northwind.example"
    );
    api.send(reqwest::Method::POST, "/v1.0/domains/mail.northwind.example/promote", &[], None).await.is(200);
    assert_eq!(api.get("/v1.0/domains/mail.northwind.example").await.body["isRoot"], true);
    // Not the default any more, but the users are still called by it.
    api.patch("/v1.0/domains/mail.northwind.example", json!({ "isDefault": true })).await.is(204);
    let names = api.list("/v1.0/domains/northwind.example/domainNameReferences").await;
    assert!(names.iter().any(|n| n["userPrincipalName"] == "svc-tenantry@northwind.example"));
    api.delete("/v1.0/domains/northwind.example").await.is(400);
}

#[tokio::test]
async fn forced_out_of_a_domain_users_take_the_initial_one() {
    let cloud = cloud().await;
    let api = cloud.home().await;
    api.post("/v1.0/domains", json!({ "id": "new.example" })).await.is(201);
    api.send(reqwest::Method::POST, "/v1.0/domains/new.example/verify", &[], None).await.is(200);
    api.patch("/v1.0/domains/new.example", json!({ "isDefault": true })).await.is(204);
    api.post("/v1.0/domains/northwind.example/forceDelete", json!({ "disableUserAccounts": false })).await.is(204);
    api.get("/v1.0/users/svc-tenantry@northwind.onmicrosoft.com").await.is(200);
    api.get("/v1.0/domains/northwind.example").await.is(404);
}

#[tokio::test]
async fn skus_are_what_the_tenant_bought() {
    let cloud = Cloud::with(|w| {
        widen(w);
        w.partner.licences = Some(vec!["SPB".into(), "EXCHANGESTANDARD".into()]);
    })
    .await;
    let api = cloud.home().await;
    let skus = api.list("/v1.0/subscribedSkus").await;
    let names: Vec<&str> = skus.iter().map(|s| s["skuPartNumber"].as_str().unwrap()).collect();
    assert_eq!(names, ["EXCHANGESTANDARD", "SPB"]);
    let spb = &skus[1];
    assert_eq!(spb["skuId"], "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46");
    assert_eq!(spb["id"], format!("{PARTNER}_cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46"));
    assert!(
        spb["servicePlans"]
            .as_array()
            .unwrap()
            .iter()
            .any(|p| p["servicePlanName"] == "AAD_PREMIUM"
                && p["servicePlanId"] == "41781fb2-bc02-4b7c-bd55-b576c07bb09d")
    );
    assert_eq!(spb["prepaidUnits"]["enabled"], 25);
    let one = api.get(&format!("/v1.0/subscribedSkus/{}", spb["id"].as_str().unwrap())).await.is(200);
    assert_eq!(one.body["skuPartNumber"], "SPB");
    let bought = api.list("/v1.0/directory/subscriptions").await;
    assert!(bought.iter().any(|b| b["skuPartNumber"] == "SPB" && spb["subscriptionIds"][0] == b["id"]));
    let key = bought[0]["commerceSubscriptionId"].as_str().unwrap();
    api.get(&format!("/v1.0/directory/subscriptions(commerceSubscriptionId='{key}')")).await.is(200);
    api.get("/v1.0/subscribedSkus/nothing").await.is(404);
}

#[tokio::test]
async fn a_sku_that_nobody_sells_is_no_licence() {
    let mut world = world();
    world.customers[0].licences = Some(vec!["SPD".into()]);
    let folder = tempfile::tempdir().unwrap();
    let started = crate::sandbox::Sandbox::start(options(folder.path().join("s.json"), Some(world))).await;
    assert!(started.err().unwrap().to_string().contains("`SPD`"));
}

#[tokio::test]
async fn contracts_keep_the_names_of_their_day() {
    let cloud = cloud().await;
    let api = cloud.home().await;
    cloud
        .control()
        .drift(&json!({ "kind": "rename-tenant", "tenant": "Contoso", "displayName": "Contoso AG" }))
        .unwrap();
    let contract = api.list("/v1.0/contracts").await[0].clone();
    assert_eq!((&contract["displayName"], &contract["defaultDomainName"]), (&json!("Contoso"), &json!("contoso.com")));
    let by_id = "/v1.0/tenantRelationships/findTenantInformationByTenantId";
    assert_eq!(api.get(&format!("{by_id}(tenantId='{CONTOSO}')")).await.body["displayName"], "Contoso AG");
    let one = api.get(&format!("/v1.0/contracts/{}", contract["id"].as_str().unwrap())).await.is(200);
    assert_eq!(one.body["customerId"], CONTOSO);
}

#[tokio::test]
async fn a_customer_sees_the_partners_groups_that_hold_roles() {
    let cloud = cloud().await;
    let (made, api) = inside(&cloud).await;
    let seen = api.list("/v1.0/directory/remoteTenantGroups").await;
    assert_eq!(seen.len(), 2);
    let ids: Vec<&Value> = seen.iter().map(|g| &g["remoteGroupId"]).collect();
    assert!(made.groups.iter().all(|g| ids.contains(&&json!(g))));
    assert_eq!(
        (&seen[0]["remoteTenantId"], &seen[0]["remoteTenantPrimaryDomain"]),
        (&json!(PARTNER), &json!("northwind.example"))
    );
}
