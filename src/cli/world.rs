//! A world out of manifests: what must be there before Tenantry does anything, and nothing that it makes.

use super::failure::Failure;
use crate::api::{Kind, PartnerSpec, SecretSource, Spec};
use crate::engine::diagnostic::Diagnostic;
use crate::sandbox::world::{
    AppFile, CertificateFile, CustomerFile, PartnerFile, Permissions, RefreshTokenFile, SecretFile, UserFile, WorldFile,
};
use crate::source::{Inputs, Object, Secrets};

/// What the managing app holds at home, as `tenantry bootstrap` would leave it.
const APPLICATION: [&str; 8] = [
    "Application.ReadWrite.All",
    "AppRoleAssignment.ReadWrite.All",
    "CrossTenantInformation.ReadBasic.All",
    "DelegatedAdminRelationship.ReadWrite.All",
    "Directory.Read.All",
    "Group.ReadWrite.All",
    "RoleManagement.ReadWrite.Directory",
    "User.Read.All",
];

/// A name for the managing app; nothing goes by it.
const MANAGER: &str = "Tenantry Manager";

/// The world that these manifests need.
///
/// # Errors
/// There is not one partner, or a secret of it is nowhere.
pub fn derive(inputs: &Inputs, secrets: &Secrets) -> Result<WorldFile, Failure> {
    let partners: Vec<(&Object, &PartnerSpec)> = inputs
        .objects
        .of(Kind::Partner)
        .filter_map(|object| match &object.spec {
            Spec::Partner(spec) => Some((object, spec)),
            _ => None,
        })
        .collect();
    let [(object, spec)] = partners.as_slice() else {
        let summary = format!("a sandbox's world has one partner, and the inputs declare {}", partners.len());
        let remedy = "Put a world into .sandbox/world.yaml beside the manifests, or give manifests with one Partner.";
        return Err(Diagnostic::error("sandbox", summary).remedy(remedy).into());
    };
    let customers = inputs.objects.of(Kind::Tenant).filter_map(|tenant| match &tenant.spec {
        Spec::Tenant(spec) => Some(CustomerFile {
            tenant_id: spec.tenant_id.clone(),
            display_name: title(&tenant.name),
            domain: spec.domain.clone(),
            ..CustomerFile::default()
        }),
        _ => None,
    });
    Ok(WorldFile { partner: partner(object, spec, secrets)?, customers: customers.collect(), ..WorldFile::default() })
}

fn partner(object: &Object, spec: &PartnerSpec, secrets: &Secrets) -> Result<PartnerFile, Failure> {
    let mut missing = Vec::new();
    let mut value = |source: &SecretSource| {
        let wanted = &source.secret_ref;
        match secrets.get(&object.namespace, &wanted.name, &wanted.key) {
            Ok(value) => value.expose().to_owned(),
            Err(error) => {
                let file = object.place.file.to_string();
                let place = crate::engine::diagnostic::Place { file, line: object.place.line as usize };
                missing.push(
                    Diagnostic::error(object.address(), error.to_string())
                        .code("SecretNotFound")
                        .remedy("Any value will do: the sandbox's world is made to accept it. Real secrets do not belong here.")
                        .at(Some(&place)),
                );
                String::new()
            }
        }
    };
    let app = &spec.managing_app;
    let (secret, pem) = (app.credential.client_secret.as_ref(), app.credential.certificate.as_ref());
    let secret = secret.map(|source| SecretFile { name: "bootstrap".into(), value: value(source), expires_in: None });
    let pem = pem.map(|source| CertificateFile { pem: value(source), name: None, expires_in: None });
    let account = &app.service_account;
    let token = RefreshTokenFile { app: MANAGER.into(), value: value(&account.refresh_token.seed) };
    if !missing.is_empty() {
        return Err(Failure::Run(missing));
    }
    let domain = account.user_principal_name.rsplit('@').next().unwrap_or_default();
    Ok(PartnerFile {
        licences: None,
        tenant_id: spec.tenant_id.clone(),
        display_name: title(&object.name),
        domain: domain.to_owned(),
        users: vec![UserFile {
            user_principal_name: account.user_principal_name.clone(),
            display_name: Some("Tenantry service account".into()),
            mfa: true,
            admin_agents: true,
            refresh_tokens: vec![token],
            ..UserFile::default()
        }],
        apps: vec![AppFile {
            display_name: MANAGER.into(),
            client_id: app.client_id.clone(),
            secrets: secret.into_iter().collect(),
            certificates: pem.into_iter().collect(),
            application: permissions("MicrosoftGraph", &APPLICATION),
            delegated: [
                permissions("MicrosoftGraph", &["User.Read"]),
                permissions("MicrosoftPartnerCenter", &["user_impersonation"]),
            ]
            .into_iter()
            .flatten()
            .collect(),
        }],
        groups: vec![],
    })
}

fn permissions(resource: &str, values: &[&str]) -> Permissions {
    [(resource.to_owned(), values.iter().map(|value| (*value).to_owned()).collect())].into()
}

/// `contoso-uk` → `Contoso Uk`
fn title(name: &str) -> String {
    let words = name.split(['-', '.']).filter(|word| !word.is_empty()).map(|word| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default()
    });
    words.collect::<Vec<_>>().join(" ")
}
