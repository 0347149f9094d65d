//! Answers that hide what has happened, and connections that break off after it.
use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use super::ladder::{FOOTHOLD, GRAPH_APP, consent, consented, consents, sp};
use super::support::*;

#[tokio::test]
async fn a_delegated_grant_may_answer_404_and_be_there() {
    let cloud = Cloud::still(json!({ "masked": 1 })).await;
    let api = cloud.home().await;
    let (client, resource) = (sp(&api, READER).await, sp(&api, GRAPH_APP).await);
    let body =
        json!({ "clientId": client, "resourceId": resource, "consentType": "AllPrincipals", "scope": "User.Read" });
    let hidden = api.post("/v1.0/oauth2PermissionGrants", body.clone()).await.is(404);
    assert_eq!(hidden.code(), "Directory_ObjectNotFound");
    let there = api.list(&format!("/v1.0/oauth2PermissionGrants?$filter=clientId eq '{client}'")).await;
    assert_eq!(there.len(), 1);
    api.post("/v1.0/oauth2PermissionGrants", body).await.is(409);
}

#[tokio::test]
async fn a_duplicate_grant_is_409_or_400_and_a_duplicate_role_old_or_new_words_by_seed() {
    let (mut grants, mut roles) = (BTreeSet::new(), BTreeSet::new());
    for seed in 1..=6 {
        let cloud = Cloud::still_with(json!({ "moods": true }), |w| w.seed = Some(seed)).await;
        let api = cloud.home().await;
        let (client, resource) = (sp(&api, READER).await, sp(&api, GRAPH_APP).await);
        let scope =
            json!({ "clientId": client, "resourceId": resource, "consentType": "AllPrincipals", "scope": "User.Read" });
        api.post("/v1.0/oauth2PermissionGrants", scope.clone()).await.is(201);
        let again = api.post("/v1.0/oauth2PermissionGrants", scope).await;
        assert_eq!(again.message(), "Permission entry already exists.");
        grants.insert((again.status.as_u16(), again.code().to_owned()));
        let role = json!({ "principalId": client, "resourceId": resource, "appRoleId": super::ladder::USER_READ_ALL });
        let path = format!("/v1.0/servicePrincipals/{resource}/appRoleAssignedTo");
        api.post(&path, role.clone()).await.is(201);
        roles.insert(api.post(&path, role).await.is(400).message().trim_end_matches('.').to_owned());
    }
    let known = [(400, "Request_BadRequest"), (409, "Request_MultipleObjectsWithSameKeyValue")];
    assert_eq!(grants, known.map(|(s, c)| (s, c.to_owned())).into());
    let known = ["EntitlementGrant entry already exists", "Permission being assigned already exists on the object"];
    assert_eq!(roles, known.map(str::to_owned).into());
}

#[tokio::test]
async fn a_hostile_cloud_refuses_times_out_and_breaks_off_and_has_done_what_it_hides() {
    let cloud = Cloud::still(json!({ "chaos": 40 })).await;
    let token = loop {
        let form =
            [("grant_type", "client_credentials"), ("client_id", MANAGER), ("client_secret", SECRET), ("scope", GRAPH)];
        let url = format!("{}/{PARTNER}/oauth2/v2.0/token", cloud.sandbox.url());
        if let Ok(got) = cloud.http.post(url).form(&form).send().await
            && got.status() == 200
        {
            break got.json::<Value>().await.unwrap()["access_token"].as_str().unwrap().to_owned();
        }
    };
    let (mut ends, mut lost) = (BTreeSet::new(), Vec::new());
    for n in 0..60 {
        let name = format!("app-{n}");
        let url = format!("{}/v1.0/applications", cloud.sandbox.url());
        let body = json!({ "displayName": name, "uniqueName": name });
        let end = match cloud.http.post(url).bearer_auth(&token).json(&body).send().await {
            Ok(got) => got.status().as_u16(),
            Err(_) => 0,
        };
        ends.insert(end);
        lost.push((end, name));
    }
    assert_eq!(ends, BTreeSet::from([0, 201, 503, 504]));
    cloud.control().behaviour(&json!({ "chaos": 0 })).unwrap();
    let there = cloud.home().await.list("/v1.0/applications?$top=999").await;
    let there: BTreeSet<&str> = there.iter().filter_map(|a| a["uniqueName"].as_str()).collect();
    for (end, name) in &lost {
        assert_eq!(there.contains(name.as_str()), *end != 503, "{end} {name}");
    }
}

#[tokio::test]
async fn the_customer_list_may_begin_with_a_byte_order_mark() {
    let cloud = Cloud::still(json!({ "byteOrderMark": true })).await;
    let api = cloud.api(cloud.user_token(PARTNER, PARTNER_CENTER).await);
    let url = format!("{}/v1/customers", cloud.sandbox.url());
    let bytes = cloud.http.get(url).bearer_auth(&api.token).send().await.unwrap().bytes().await.unwrap();
    let json = bytes.strip_prefix(b"\xef\xbb\xbf").expect("the mark");
    assert_eq!(serde_json::from_slice::<Value>(json).unwrap()["totalCount"], 1);
}

#[tokio::test]
async fn removing_a_consent_may_take_the_principal_too_and_old_tokens_live_on() {
    for takes in [false, true] {
        let cloud = Cloud::still(json!({ "consentTakesPrincipal": takes })).await;
        gdap(&cloud, &[CLOUD_APP]).await;
        consented(&cloud).await;
        let old = cloud.api(cloud.user_token(CONTOSO, GRAPH).await);
        let pc = cloud.api(cloud.user_token(PARTNER, PARTNER_CENTER).await);
        pc.delete(&format!("{}/{MANAGER}", consents(CONTOSO))).await.is(204);
        assert_eq!(cloud.user_token(CONTOSO, GRAPH).await.is(400).aadsts(), 65_001);
        let seen = old.list(&format!("/v1.0/servicePrincipals?$filter=appId eq '{MANAGER}'")).await;
        assert_eq!(seen.len(), usize::from(!takes));
    }
}

#[tokio::test]
async fn who_asks_for_it_is_told_whether_its_sign_in_had_mfa() {
    let cloud = Cloud::new().await;
    for (token, told) in [(REFRESH, "true"), (WEAK_REFRESH, "false")] {
        let api = cloud.api(cloud.user_token_by(token, PARTNER, PARTNER_CENTER).await);
        let got = api.send(Method::GET, "/v1/customers", &[("ValidateMfa", "true")], None).await;
        assert_eq!(got.header("isMfaCompliant"), told);
        assert_eq!(got.status == 401, told == "false");
        assert_eq!(api.get("/v1/customers").await.header("isMfaCompliant"), "");
    }
}

#[tokio::test]
async fn a_consent_shows_up_in_the_customer_between_a_quarter_and_the_whole_of_its_lag() {
    let cloud = Cloud::still(json!({ "consent": 60, "spread": true })).await;
    gdap(&cloud, &[CLOUD_APP]).await;
    consented(&cloud).await;
    let pc = cloud.api(cloud.user_token(PARTNER, PARTNER_CENTER).await);
    let again = pc.post(&consents(CONTOSO), consent(FOOTHOLD)).await.is(409);
    assert_eq!(again.body["description"], "Permission entry already exists.");
    let took = cloud.control().advance_to_next().unwrap();
    assert!((15..=60).contains(&took), "{took}");
    cloud.user_token(CONTOSO, GRAPH).await.is(200);
}

#[tokio::test]
async fn a_page_may_be_empty_and_the_next_one_is_not() {
    let cloud = Cloud::new().await;
    cloud.control().behaviour(&json!({ "oddPages": 1 })).unwrap();
    let api = cloud.home().await;
    let (mut path, mut sizes, mut names) =
        ("/v1.0/groups?$top=2&$select=displayName".to_owned(), Vec::new(), Vec::new());
    loop {
        let got = api.get(&path).await.is(200);
        let items = got.body["value"].as_array().unwrap().clone();
        sizes.push(items.len());
        names.extend(items.iter().map(|i| i["displayName"].as_str().unwrap().to_owned()));
        match got.body["@odata.nextLink"].as_str() {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(sizes, [0, 2, 0, 2], "every other page");
    names.sort();
    assert_eq!(names, ["AdminAgents", "HelpdeskAgents", "SalesAgents", "Service Team"]);
    // A list of one page has no other.
    assert_eq!(api.list("/v1.0/groups").await.len(), 4);
}

#[tokio::test]
async fn a_delta_may_tell_a_change_twice() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let link = api.get("/v1.0/groups/delta?$deltatoken=latest").await.is(200).text("/@odata.deltaLink");
    let made = json!({ "displayName": "New", "mailEnabled": false, "mailNickname": "new", "securityEnabled": true });
    let id = api.post("/v1.0/groups", made).await.is(201).text("/id");
    cloud.control().behaviour(&json!({ "oddPages": 1 })).unwrap();
    let told: Vec<String> = api.list(&link).await.iter().map(|g| g["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(told, [id.clone(), id]);
}
