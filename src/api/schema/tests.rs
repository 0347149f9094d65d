use std::collections::BTreeSet;

use super::*;

/// Calls `check` with the path and schema of every field of every kind.
fn walk(check: &mut dyn FnMut(&str, &JSONSchemaProps)) {
    fn down(path: &str, schema: &JSONSchemaProps, check: &mut dyn FnMut(&str, &JSONSchemaProps)) {
        check(path, schema);
        for (name, child) in schema.properties.iter().flatten() {
            down(&format!("{path}.{name}"), child, check);
        }
        if let Some(JSONSchemaPropsOrArray::Schema(items)) = &schema.items {
            down(&format!("{path}[]"), items, check);
        }
    }
    for crd in crds() {
        for version in &crd.spec.versions {
            let root = version.schema.as_ref().and_then(|schema| schema.open_api_v3_schema.as_ref()).unwrap();
            down(&crd.spec.names.kind, root, check);
        }
    }
}

#[test]
fn every_kind_is_namespaced_with_short_name_and_category() {
    let crds = crds();
    let names: Vec<_> = crds
        .iter()
        .map(|crd| {
            let names = &crd.spec.names;
            assert_eq!(crd.spec.scope, "Namespaced");
            assert_eq!(crd.spec.group, crate::api::GROUP);
            assert_eq!(names.categories.as_deref(), Some(&["tenantry".to_string()][..]));
            assert_eq!(crd.spec.versions[0].name, crate::api::VERSION);
            format!("{} {} {}", names.kind, names.plural, names.short_names.as_deref().unwrap_or_default().join(","))
        })
        .collect();
    insta::assert_snapshot!(names.join("\n"), @r"
    Partner partners ptn
    PartnerApp partnerapps papp
    GdapTemplate gdaptemplates gdt
    GdapRelationship gdaprelationships gdr
    TenantClass tenantclasses tnc
    Tenant tenants tn
    ");
}

#[test]
fn every_field_is_described_in_its_own_words() {
    walk(&mut |path, schema| {
        if path.ends_with("[]") && schema.type_.as_deref() != Some("object") || path.ends_with(".metadata") {
            return;
        }
        let description = schema.description.as_deref().unwrap_or_default();
        assert!(description.ends_with('.'), "{path}: {description:?} is not a sentence");
        assert!(!description.contains('\n'), "{path}: the description has line ends");
        assert!(!description.contains("Auto-generated"), "{path}: {description}");
    });
}

#[test]
fn nothing_is_nullable_and_no_format_is_unknown() {
    walk(&mut |path, schema| {
        assert_eq!(schema.nullable, None, "{path}");
        let format = schema.format.as_deref();
        assert!(matches!(format, None | Some("int32" | "int64" | "date-time")), "{path}: {format:?}");
        assert!(schema.any_of.is_none() && schema.one_of.is_none() && schema.all_of.is_none(), "{path}");
        assert!(schema.type_.is_some(), "{path} has no type");
    });
}

#[test]
fn strings_and_lists_are_bounded() {
    walk(&mut |path, schema| match schema.type_.as_deref() {
        Some("string") => assert!(
            schema.max_length.is_some() || schema.enum_.is_some() || schema.format.is_some(),
            "{path} has no maxLength"
        ),
        Some("array") => assert!(schema.max_items.is_some(), "{path} has no maxItems"),
        _ => {}
    });
}

#[test]
fn rules_have_a_message_without_line_ends() {
    walk(&mut |path, schema| {
        for rule in schema.x_kubernetes_validations.iter().flatten() {
            let message = rule.message.as_deref().unwrap_or_default();
            assert!(!message.is_empty() && !message.contains('\n'), "{path}: {message:?}");
        }
    });
}

#[test]
fn immutable_fields_cannot_be_taken_away() {
    let mut seen = BTreeSet::new();
    walk(&mut |path, schema| {
        let required: BTreeSet<_> = schema.required.iter().flatten().collect();
        for (name, child) in schema.properties.iter().flatten() {
            let transition = child.x_kubernetes_validations.iter().flatten().any(|rule| rule.rule.contains("oldSelf"));
            if transition {
                assert!(required.contains(name), "{path}.{name} has a transition rule and is not required");
                seen.insert(format!("{path}.{name}"));
            }
        }
    });
    let seen: Vec<_> = seen.into_iter().collect();
    insta::assert_snapshot!(seen.join("\n"), @r"
    GdapRelationship.spec.partnerRef
    GdapRelationship.spec.tenantId
    GdapTemplate.spec.partnerRef
    Partner.spec.tenantId
    PartnerApp.spec
    PartnerApp.spec.partnerRef
    Tenant.spec.tenantId
    TenantClass.spec.partnerRef
    ");
}

#[test]
fn tenants_have_the_columns_of_the_face_of_the_product() {
    let tenants = crds().into_iter().find(|crd| crd.spec.names.kind == "Tenant").unwrap();
    let columns = tenants.spec.versions[0].additional_printer_columns.clone().unwrap_or_default();
    let name = |wide: bool| {
        let wanted = columns.iter().filter(|column| (column.priority.unwrap_or(0) > 0) == wide);
        wanted.map(|column| column.name.to_uppercase()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(name(false), "DOMAIN GDAP CONSENT EXCHANGE CA READY WAITS-FOR SINCE ENDS AGE");
    assert_eq!(name(true), "TENANT-ID REASON RELATIONSHIP VERIFIED");
}
