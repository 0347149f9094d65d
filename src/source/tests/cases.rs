//! Every way in which a manifest can be wrong, and what is said about it.

use super::*;

fn spoil(whole: &str, find: &str, replace: &str) -> String {
    assert!(whole.contains(find), "{find:?} is not in the manifest");
    told(&whole.replacen(find, replace, 1))
}

#[test]
fn fields() {
    let mut out = Vec::new();
    for (name, told) in [
        ("unknown", spoil(TENANT, "domain:", "domian:")),
        ("case", spoil(TEMPLATE, "displayName: NW", "displayname: NW")),
        ("not alike", spoil(APP, "  profile:", "  colour: red\n  profile:")),
        ("deep", spoil(TEMPLATE, "serviceAccount: true", "serviceaccount: true")),
        ("top", spoil(TENANT, "spec:", "sepc:")),
        ("metadata", spoil(TENANT, "labels:", "label:")),
        (
            "twice",
            spoil(
                TEMPLATE,
                "  displayName: NW-{tenant}-standard\n",
                "  displayName: NW-{tenant}-a\n  displayName: NW-{tenant}-b\n",
            ),
        ),
        ("null", spoil(TENANT, "domain: contoso.com", "domain: ")),
        ("several", spoil(TEMPLATE, "  displayName: NW-{tenant}-standard\n", "  duration: 731d\n  autoextend: true\n")),
    ] {
        out.push(format!("# {name}\n{told}"));
    }
    insta::assert_snapshot!(out.join("\n"), @r"
    # unknown
    error 0.yaml:5:73 Tenant/contoso | spec.domian | unknown field `domian` | `spec` has no such field. | Did you mean `domain`?
    # case
    error 0.yaml:7:3 GdapTemplate/standard | spec.displayname | unknown field `displayname` | `spec` has no such field. | Did you mean `displayName`?
    # not alike
    error 0.yaml:7:3 PartnerApp/rallied | spec.colour | unknown field `colour` | `spec` has no such field. | There are these fields: `adminAgents`, `audience`, `credentials`, `displayName`, `operations`, `partnerConsent`, `partnerRef`, `permissions`, `profile`, `redirectUris` and `uniqueName`.
    # deep
    error 0.yaml:9:99 GdapTemplate/standard | spec.grants[0].groups.members[0].serviceaccount | unknown field `serviceaccount` | `spec.grants[0].groups.members[0]` has no such field. | Did you mean `serviceAccount`?
    # top
    error 0.yaml:5:1 Tenant/contoso | sepc | unknown field `sepc` | This object has no such field. | Did you mean `spec`?
    # metadata
    error 0.yaml:4:28 Tenant/contoso | metadata.label | unknown field `label` | `metadata` has no such field. | Did you mean `labels`?
    # twice
    error 0.yaml:8:3 GdapTemplate/standard | spec.displayName | `displayName` is given twice | It stands in line 7 already; only one of them can count. | Remove one of them.
    # null
    error 0.yaml:5:73 Tenant/contoso | spec.domain | `domain` has no value | A verified domain of the customer, for example `contoso.com`. Nothing is written before it is known to belong to the tenant id, so that a mistyped id does no harm. | Give `domain` a value.
    # several
    error 0.yaml:5:1 GdapTemplate/standard | spec.displayName | `displayName` is missing in `spec` | Name of the relationships; `{tenant}` stands for the name of the Tenant. A relationship that follows an ended one gets `-2`, `-3` and so on. Customers see it; it has 50 characters at most in all. | Add `displayName`.
    error 0.yaml:7:13 GdapTemplate/standard | spec.duration | duration is 730d at most | Microsoft allows no longer relationship. | Write 730d or less, and autoExtend to prolong it.
    error 0.yaml:8:3 GdapTemplate/standard | spec.autoextend | unknown field `autoextend` | `spec` has no such field. | Did you mean `autoExtend`?
    ");
}

#[test]
fn types_by_the_rules_of_kubectl() {
    let mut out = Vec::new();
    for (name, told) in [
        ("number", spoil(APP, "Northwind – Rallied Integration", "365")),
        ("yes", spoil(APP, "Northwind – Rallied Integration", "yes")),
        ("octal", spoil(APP, "Northwind – Rallied Integration", "0o17")),
        ("label", spoil(TENANT, "ring: pilot", "ring: 1")),
        ("string for boolean", spoil(TEMPLATE, "  displayName: NW", "  autoExtend: \"true\"\n  displayName: NW")),
        ("string for number", spoil(APP, "version: 1", "version: \"1\"")),
        ("fraction", spoil(APP, "version: 1", "version: 1.5")),
        ("object for list", spoil(CLASS, "[{ name: rallied }]", "{ name: rallied }")),
        ("string for object", spoil(APP, "partnerRef: { name: northwind }", "partnerRef: northwind")),
        ("list for string", spoil(TENANT, "class: managed", "class: [managed]")),
        (
            "secret in place of a reference",
            spoil(PARTNER, "{ secretRef: { name: tenantry-manager, key: clientSecret } }", "cnry-secret"),
        ),
    ] {
        assert!(!told.contains("cnry-"), "{told}");
        out.push(format!("# {name}\n{told}"));
    }
    insta::assert_snapshot!(out.join("\n"), @r"
    # number
    error 0.yaml:8:16 PartnerApp/rallied | spec.displayName | `displayName` must be a string, not the number 365 | Without quotes YAML takes it for something else than a string, as `kubectl` does. | Put it in quotes.
    # yes
    error 0.yaml:8:16 PartnerApp/rallied | spec.displayName | `displayName` must be a string, not the boolean true | Without quotes YAML takes it for something else than a string, as `kubectl` does. | Put it in quotes.
    # octal
    error 0.yaml:8:16 PartnerApp/rallied | spec.displayName | `displayName` must be a string, not the number 15 | Without quotes YAML takes it for something else than a string, as `kubectl` does. | Put it in quotes.
    # label
    error 0.yaml:4:44 Tenant/contoso | metadata.labels.ring | `ring` must be a string, not the number 1 | Without quotes YAML takes it for something else than a string, as `kubectl` does. | Put it in quotes.
    # string for boolean
    error 0.yaml:7:15 GdapTemplate/standard | spec.autoExtend | `autoExtend` must be `true` or `false`, not a string |  | Write `true` or `false` without quotes.
    # string for number
    error 0.yaml:7:38 PartnerApp/rallied | spec.profile.version | `version` must be a whole number, not a string |  | Write a whole number without quotes.
    # fraction
    error 0.yaml:7:38 PartnerApp/rallied | spec.profile.version | `version` must be a whole number, not the number 1.5 |  | Write a whole number.
    # object for list
    error 0.yaml:8:3 TenantClass/managed | spec.apps | `apps` must be a list, not an object |  | Begin each item with `- `, or put them in `[ ]`.
    # string for object
    error 0.yaml:6:15 PartnerApp/rallied | spec.partnerRef | `partnerRef` must be an object, not a string |  | Write `partnerRef: { name: … }`.
    # list for string
    error 0.yaml:5:9 Tenant/contoso | spec.class | `class` must be a string, not a list |  | Write a string.
    # secret in place of a reference
    error 0.yaml:9:53 Partner/northwind | spec.managingApp.credential.clientSecret | `clientSecret` must be an object, not a string |  | Write `clientSecret: { secretRef: … }`.
    ");
    assert_eq!(spoil(APP, "version: 1", "version: 1.0"), "", "kubectl makes a whole number of it");
    assert_eq!(spoil(TEMPLATE, "  displayName: NW", "  autoExtend: on\n  displayName: NW"), "", "and `on` is true");
}

#[test]
fn bounds() {
    let mut out = Vec::new();
    for (name, told) in [
        ("word", spoil(CLASS, "mode: Gdap", "mode: Gadp")),
        ("other word", spoil(CLASS, "mode: Gdap", "mode: Direct")),
        ("pattern", spoil(TENANT, "9e0c6a0b-2f0a-4a4f-8f5e-9a9f6a1c7b11", "9e0c6a0b-2f0a-4a4f-8f5e-9a9f6a1c7b1x")),
        ("short id", spoil(TENANT, "9e0c6a0b-2f0a-4a4f-8f5e-9a9f6a1c7b11", "9e0c6a0b")),
        ("long", spoil(TEMPLATE, "NW-{tenant}-standard", "NW-{tenant}-standard-standard-standard-standard-standard")),
        ("empty", spoil(TENANT, "class: managed", "class: \"\"")),
        ("least", spoil(APP, "version: 1", "version: 0")),
        ("no items", spoil(TEMPLATE, "    - { name: tenantry, from", "    [] #")),
        ("same name twice", spoil(CLASS, "[{ name: rallied }]", "[{ name: rallied }, { name: rallied }]")),
        ("same word twice", spoil(TEMPLATE, "from: Needs", "from: Roles, roles: [Global Reader, Global Reader]")),
        (
            "empty object",
            spoil(
                APP,
                "  profile:",
                "  credentials: [{ name: a, type: ClientSecret, clientSecret: {}, writeTo: { type: Secret, secretRef: { name: a } } }]\n  profile:",
            ),
        ),
        ("name", spoil(TENANT, "name: contoso", "name: Contoso_1")),
        ("days", spoil(TEMPLATE, "  displayName: NW", "  duration: 2y\n  displayName: NW")),
    ] {
        out.push(format!("# {name}\n{told}"));
    }
    insta::assert_snapshot!(out.join("\n"), @r"
    # word
    error 0.yaml:7:19 TenantClass/managed | spec.access.mode | `mode` cannot be `Gadp` | How the customer tenant is reached. `Gdap`: through a GDAP relationship that the customer accepts once. | Did you mean `Gdap`?
    # other word
    error 0.yaml:7:19 TenantClass/managed | spec.access.mode | `mode` cannot be `Direct` | How the customer tenant is reached. `Gdap`: through a GDAP relationship that the customer accepts once. | Write `Gdap`.
    # pattern
    error 0.yaml:5:35 Tenant/contoso | spec.tenantId | `tenantId` cannot be `9e0c6a0b-2f0a-4a4f-8f5e-9a9f6a1c7b1x` | Tenant id (directory id) of the customer. It cannot be changed. | Write it like `9e0c6a0b-2f0a-4a4f-8f5e-9a9f6a1c7b11`.
    # short id
    error 0.yaml:5:35 Tenant/contoso | spec.tenantId | `tenantId` has 8 characters; 36 are needed | Tenant id (directory id) of the customer. It cannot be changed. | Write it like `9e0c6a0b-2f0a-4a4f-8f5e-9a9f6a1c7b11`.
    # long
    error 0.yaml:7:16 GdapTemplate/standard | spec.displayName | `displayName` has 56 characters; 50 are allowed |  | Shorten it.
    # empty
    error 0.yaml:5:16 Tenant/contoso | spec.class | `class` must not be empty | Name of the TenantClass that supplies every field that is not given here. | Give it a value.
    # least
    error 0.yaml:7:38 PartnerApp/rallied | spec.profile.version | `version` is 0; it must be 1 at least |  | Write 1 or more.
    # no items
    error 0.yaml:8:3 GdapTemplate/standard | spec.grants | `grants` must not be empty |  | Add an item, or leave the field out.
    # same name twice
    error 0.yaml:8:29 TenantClass/managed | spec.apps[1] | `rallied` is in `apps` twice | The first one stands in line 8. | Remove one of them.
    # same word twice
    error 0.yaml:9:61 GdapTemplate/standard | spec.grants[0].roles[1] | `Global Reader` is in `roles` twice | The first one stands in line 9. | Remove one of them.
    # empty object
    error 0.yaml:7:48 PartnerApp/rallied | spec.credentials[0].clientSecret | `clientSecret` is empty |  | Give one of `lifetime` and `rotateBefore`, or leave the whole field out.
    # name
    error 0.yaml:4:19 Tenant/Contoso_1 | metadata.name | `name` cannot be `Contoso_1` | Name of the object: small letters, digits, `-` and `.`. | It must match the pattern ^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$
    # days
    error 0.yaml:7:13 GdapTemplate/standard | spec.duration | `duration` cannot be `2y` | How long a relationship lasts, in days: `730d` at most. | Write it like `730d`.
    ");
}

#[test]
fn rules() {
    let mut out = Vec::new();
    let with_admin = |role: &str| {
        let text = TEMPLATE.replace("from: Needs", &format!("from: Roles, roles: [{role}]"));
        spoil(&text, "  displayName: NW", "  autoExtend: true\n  displayName: NW")
    };
    for (name, told) in [
        ("731 days", spoil(TEMPLATE, "  displayName: NW", "  duration: 731d\n  displayName: NW")),
        ("auto-extend with Global Administrator", with_admin("Global Administrator")),
        ("by another case", with_admin("global administrator")),
        ("by id", with_admin("62E90394-69f5-4237-9190-012177145e10")),
        ("roles missing", spoil(TEMPLATE, "from: Needs", "from: Roles")),
        ("roles too many", spoil(TEMPLATE, "from: Needs", "from: Needs, roles: [Global Reader]")),
        ("no tenant in the name", spoil(TEMPLATE, "NW-{tenant}-standard", "NW-standard")),
        ("no role in the name", spoil(TEMPLATE, "{role}", "role")),
        (
            "two members in one",
            spoil(TEMPLATE, "serviceAccount: true", "serviceAccount: true, userPrincipalName: a@b.example"),
        ),
        ("no member", spoil(TEMPLATE, "serviceAccount: true", "")),
        ("not the service account", spoil(TEMPLATE, "serviceAccount: true", "serviceAccount: false")),
        ("union", spoil(PARTNER, "type: ClientSecret,", "type: Certificate,")),
        ("access without gdap", spoil(CLASS, ", gdap: { template: standard }", "")),
        (
            "rotation",
            spoil(
                APP,
                "  profile:",
                "  credentials: [{ name: a, type: ClientSecret, clientSecret: { lifetime: 60d, rotateBefore: 90d }, writeTo: { type: Secret, secretRef: { name: a } } }]\n  profile:",
            ),
        ),
        (
            "nowhere to write",
            spoil(
                APP,
                "  profile:",
                "  credentials: [{ name: a, type: ClientSecret, writeTo: { type: Secret } }]\n  profile:",
            ),
        ),
        (
            "no permission",
            spoil(APP, "  profile:", "  permissions: { add: [{ resource: MicrosoftGraph }] }\n  profile:"),
        ),
    ] {
        out.push(format!("# {name}\n{told}"));
    }
    insta::assert_snapshot!(out.join("\n"), @r"
    # 731 days
    error 0.yaml:7:13 GdapTemplate/standard | spec.duration | duration is 730d at most | Microsoft allows no longer relationship. | Write 730d or less, and autoExtend to prolong it.
    # auto-extend with Global Administrator
    error 0.yaml:7:15 GdapTemplate/standard | spec.autoExtend | autoExtend cannot be combined with Global Administrator | Microsoft does not prolong such a relationship. | Remove the role or write `autoExtend: false`.
    # by another case
    error 0.yaml:7:15 GdapTemplate/standard | spec.autoExtend | autoExtend cannot be combined with Global Administrator | Microsoft does not prolong such a relationship. | Remove the role or write `autoExtend: false`.
    # by id
    error 0.yaml:7:15 GdapTemplate/standard | spec.autoExtend | autoExtend cannot be combined with Global Administrator | Microsoft does not prolong such a relationship. | Remove the role or write `autoExtend: false`.
    # roles missing
    error 0.yaml:9:7 GdapTemplate/standard | spec.grants[0] | `from: Roles` goes with `roles`, and `roles` with nothing else |  | Add the one that is missing or remove the other.
    # roles too many
    error 0.yaml:9:7 GdapTemplate/standard | spec.grants[0] | `from: Roles` goes with `roles`, and `roles` with nothing else |  | Add the one that is missing or remove the other.
    # no tenant in the name
    error 0.yaml:7:16 GdapTemplate/standard | spec.displayName | displayName must contain `{tenant}` | No two relationships may have one name. | Write for example `NW-{tenant}-standard`.
    # no role in the name
    error 0.yaml:9:61 GdapTemplate/standard | spec.grants[0].groups.displayName | displayName must contain `{role}` | There is one group for each role. | Write for example `GDAP Service – {role}`.
    # two members in one
    error 0.yaml:9:97 GdapTemplate/standard | spec.grants[0].groups.members[0] | a member is exactly one of `serviceAccount`, `userPrincipalName` and `objectId` |  | Make an item of each.
    # no member
    error 0.yaml:9:97 GdapTemplate/standard | spec.grants[0].groups.members[0] | a member is exactly one of `serviceAccount`, `userPrincipalName` and `objectId` |  | Make an item of each.
    # not the service account
    error 0.yaml:9:115 GdapTemplate/standard | spec.grants[0].groups.members[0].serviceAccount | serviceAccount can only be true |  | Remove the item instead.
    # union
    error 0.yaml:9:5 Partner/northwind | spec.managingApp.credential | `type: ClientSecret` goes with `clientSecret`, and `clientSecret` with nothing else |  | Add the one that is missing or remove the other.
    error 0.yaml:9:5 Partner/northwind | spec.managingApp.credential | `type: Certificate` goes with `certificate`, and `certificate` with nothing else |  | Add the one that is missing or remove the other.
    # access without gdap
    error 0.yaml:7:3 TenantClass/managed | spec.access | `mode: Gdap` goes with `gdap`, and `gdap` with nothing else |  | Add the one that is missing.
    # rotation
    error 0.yaml:7:93 PartnerApp/rallied | spec.credentials[0].clientSecret.rotateBefore | rotateBefore must be shorter than lifetime | A new secret would have to be replaced at once. | Write fewer days.
    # nowhere to write
    error 0.yaml:7:48 PartnerApp/rallied | spec.credentials[0].writeTo | `type: Secret` goes with `secretRef`, and `secretRef` with nothing else |  | Add the one that is missing.
    # no permission
    error 0.yaml:7:24 PartnerApp/rallied | spec.permissions.add[0] | no permission is named |  | Give `application`, `delegated` or both.
    ");
    assert_eq!(with_admin("Global Reader"), "");
    assert_eq!(spoil(TEMPLATE, "  displayName: NW", "  duration: 730d\n  displayName: NW"), "");
}

#[test]
fn references() {
    let mut out = Vec::new();
    let other = PARTNER.replace("name: northwind", "name: southwind");
    let beside = |text: String| told(&format!("{TENANT}---{text}---{other}"));
    for (name, told) in [
        ("partner", spoil(APP, "name: northwind", "name: nordwind")),
        ("class", spoil(TENANT, "class: managed", "class: unmanaged-tenants")),
        ("template", spoil(CLASS, "template: standard", "template: other")),
        ("app", spoil(CLASS, "name: rallied", "name: ralied")),
        ("namespace", spoil(TENANT, "name: contoso,", "name: contoso, namespace: customers,")),
        ("profile", spoil(APP, "profile: { name: rallied", "profile: { name: Rallied")),
        ("version", spoil(APP, "version: 1", "version: 7")),
        ("other partner", beside(CLASS.replace("name: northwind", "name: southwind"))),
        (
            "no access",
            told(&format!(
                "{TENANT}---{}",
                CLASS.replace("  access: { mode: Gdap, gdap: { template: standard } }\n", "")
            )),
        ),
        (
            "same tenant",
            told(&format!("{TENANT}---{}", TENANT.replace("contoso", "contoso-2").replace("9e0c6a0b", "9E0C6A0B"))),
        ),
        ("generic name", spoil(APP, "Northwind – Rallied Integration", "My Test App 2")),
        ("to what is wrong itself", told(&format!("{TENANT}---{}", CLASS.replace("mode: Gdap", "mode: gdap")))),
    ] {
        out.push(format!("# {name}\n{told}"));
    }
    insta::assert_snapshot!(out.join("\n"), @r"
    # partner
    error 0.yaml:6:23 PartnerApp/rallied | spec.partnerRef.name | there is no Partner `nordwind` |  | Did you mean `northwind`? All objects that belong together are given in one run, with -f for each file or folder.
    error 3.yaml:8:18 TenantClass/managed | spec.apps[0].name | PartnerApp `rallied` belongs to another Partner | It belongs to `nordwind`; this object belongs to `northwind`. | Name a PartnerApp of `northwind`.
    # class
    error 0.yaml:5:16 Tenant/contoso | spec.class | there is no TenantClass `unmanaged-tenants` |  | Did you mean `managed`? All objects that belong together are given in one run, with -f for each file or folder.
    # template
    error 0.yaml:7:43 TenantClass/managed | spec.access.gdap.template | there is no GdapTemplate `other` |  | There are these objects of kind GdapTemplate: `standard`. All objects that belong together are given in one run, with -f for each file or folder.
    # app
    error 0.yaml:8:18 TenantClass/managed | spec.apps[0].name | there is no PartnerApp `ralied` |  | Did you mean `rallied`? All objects that belong together are given in one run, with -f for each file or folder.
    # namespace
    error 0.yaml:5:16 Tenant/contoso | spec.class | there is no TenantClass `managed` | There is one in namespace `default`; this object is in `customers`. | Put both into one namespace, or let the Partner there admit this one with spec.tenantNamespaces.
    # profile
    error 0.yaml:7:20 PartnerApp/rallied | spec.profile.name | there is no profile `Rallied` |  | Did you mean `rallied`?
    # version
    error 0.yaml:7:38 PartnerApp/rallied | spec.profile.version | the profile `rallied` has no version 7 |  | This build of Tenantry knows version `1`.
    # other partner
    error 0.yaml:12:43 TenantClass/managed | spec.access.gdap.template | GdapTemplate `standard` belongs to another Partner | It belongs to `northwind`; this object belongs to `southwind`. | Name a GdapTemplate of `southwind`.
    error 0.yaml:13:18 TenantClass/managed | spec.apps[0].name | PartnerApp `rallied` belongs to another Partner | It belongs to `northwind`; this object belongs to `southwind`. | Name a PartnerApp of `southwind`.
    error 1.yaml:6:23 PartnerApp/rallied | spec.partnerRef.name | there is no Partner `northwind` |  | Did you mean `southwind`? All objects that belong together are given in one run, with -f for each file or folder.
    error 2.yaml:6:23 GdapTemplate/standard | spec.partnerRef.name | there is no Partner `northwind` |  | Did you mean `southwind`? All objects that belong together are given in one run, with -f for each file or folder.
    # no access
    error 0.yaml:5:16 Tenant/contoso | spec.class | nothing says how this tenant is reached | Neither the Tenant nor its class `managed` has `access`. | Add `access: { mode: Gdap, gdap: { template: … } }` to one of them.
    # same tenant
    error 0.yaml:10:35 Tenant/contoso-2 | spec.tenantId | Tenant/contoso is the same tenant | It has this tenant id in 0.yaml:5:35. | Keep one of the two, or correct the tenant id.
    # generic name
    warning 0.yaml:8:16 PartnerApp/rallied | spec.displayName | the name `My Test App 2` says nothing | Customers see it in consent dialogs and role pickers, beside the apps of others. | Name the MSP and the product, for example `Northwind – Rallied Integration`.
    # to what is wrong itself
    error 0.yaml:12:19 TenantClass/managed | spec.access.mode | `mode` cannot be `gdap` | How the customer tenant is reached. `Gdap`: through a GDAP relationship that the customer accepts once. | Did you mean `Gdap`?
    ");
}

#[test]
fn documents() {
    let mut out = Vec::new();
    for (name, told) in [
        ("no version", spoil(TENANT, "apiVersion: tenantry.dev/v1alpha1\n", "")),
        ("no kind", spoil(TENANT, "kind: Tenant\n", "")),
        ("other version", spoil(TENANT, "v1alpha1", "v1")),
        ("mistyped group", spoil(TENANT, "tenantry.dev", "tenantry.io")),
        ("unknown kind", spoil(TENANT, "kind: Tenant\n", "kind: Tennant\n")),
        ("later kind", spoil(TENANT, "kind: Tenant\n", "kind: PartnerUser\n")),
        ("foreign", told(&format!("{TENANT}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: x }}\n"))),
        ("no object", told("just text\n")),
        ("twice", told(&format!("{TENANT}---{TENANT}"))),
        ("bad YAML", told(&format!("{TENANT}---\na: [1, 2\nb: 3\n---\nkind: [\n---{TENANT}"))),
        ("tab", told("kind: Tenant\nspec:\n\tclass: managed\n")),
        ("infinite", spoil(APP, "version: 1", "version: .inf")),
        (
            "secret",
            told(
                "apiVersion: v1\nkind: Secret\nmetadata: { name: s }\ndata: { a: cnry!, b: 1 }\nstringData: [cnry-x]\n",
            ),
        ),
        (
            "secret twice",
            told(
                "apiVersion: v1\nkind: Secret\nmetadata: { name: s }\n---\napiVersion: v1\nkind: Secret\nmetadata: { name: s }\n",
            ),
        ),
        ("empty", told("# nothing\n")),
    ] {
        assert!(!told.contains("cnry"), "{told}");
        out.push(format!("# {name}\n{told}"));
    }
    insta::assert_snapshot!(out.join("\n"), @r"
    # no version
    error 0.yaml:2:1  |  | `apiVersion` is missing |  | Begin the document with `apiVersion: tenantry.dev/v1alpha1`.
    # no kind
    error 0.yaml:2:1  |  | `kind` is missing |  | Add `kind:` with one of `Partner`, `PartnerApp`, `GdapTemplate`, `GdapRelationship`, `TenantClass` or `Tenant`.
    # other version
    error 0.yaml:2:13  |  | there is no version `tenantry.dev/v1` |  | Write `apiVersion: tenantry.dev/v1alpha1`.
    # mistyped group
    error 0.yaml:3:7  |  | `Tenant` of `tenantry.io/v1alpha1` is none of Tenantry's kinds |  | Write `apiVersion: tenantry.dev/v1alpha1`.
    # unknown kind
    error 0.yaml:3:7  |  | `tenantry.dev/v1alpha1` has no kind `Tennant` |  | Did you mean `Tenant`?
    # later kind
    error 0.yaml:3:7  |  | `tenantry.dev/v1alpha1` has no kind `PartnerUser` |  | Did you mean `Partner`?
    # foreign
    note 0.yaml:8:7  |  | `ConfigMap` of `v1` is none of Tenantry's kinds and is left out |  | 
    # no object
    error 0.yaml:1:1  |  | a document must be an object, not a string |  | Begin it with `apiVersion: tenantry.dev/v1alpha1` and `kind:`.
    # twice
    error 0.yaml:9:19 Tenant/contoso |  | Tenant/contoso is declared twice | It stands in 0.yaml:4:19 already. | Keep one of the two, or give one another name.
    # bad YAML
    error 0.yaml:8:2  |  | unreadable YAML | Illegal placement of ':' indicator. | Check indentation, quotes and brackets at this place and just above it.
    error 0.yaml:10:7  |  | unreadable YAML | Unclosed bracket '['. | Check indentation, quotes and brackets at this place and just above it.
    error 0.yaml:14:19 Tenant/contoso |  | Tenant/contoso is declared twice | It stands in 0.yaml:4:19 already. | Keep one of the two, or give one another name.
    # tab
    error 0.yaml:3:2  |  | unreadable YAML | Tabs disallowed within this context (block indentation). | Check indentation, quotes and brackets at this place and just above it.
    # infinite
    error 0.yaml:7:38  |  | `.inf` is no number that JSON can hold |  | 
    # secret
    error 0.yaml:4:12 Secret/s | data.a | `data.a` is not base64 |  | Encode it, or put the text itself under `stringData`.
    error 0.yaml:4:22 Secret/s | data.b | `data.b` must be a string |  | Put it in quotes.
    error 0.yaml:5:13 Secret/s | stringData | `stringData` must be an object |  | Write `key: value` lines under it.
    # secret twice
    error 0.yaml:5:1 Secret/s |  | Secret/s is declared twice | It stands in 0.yaml:1:1 already. | Keep one of the two.
    # empty
    note 0.yaml  |  | the file holds no document |  |
    ");
}
