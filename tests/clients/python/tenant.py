"""Organisation, conditional access, policies, logs, GDAP and batches, by the typed client."""

from msgraph.generated.models import conditional_access_policy_state as states
from msgraph.generated.models.authorization_policy import AuthorizationPolicy
from msgraph.generated.models.conditional_access_applications import ConditionalAccessApplications
from msgraph.generated.models.conditional_access_client_app import ConditionalAccessClientApp
from msgraph.generated.models.conditional_access_condition_set import ConditionalAccessConditionSet
from msgraph.generated.models.conditional_access_grant_control import ConditionalAccessGrantControl
from msgraph.generated.models.conditional_access_grant_controls import ConditionalAccessGrantControls
from msgraph.generated.models.conditional_access_policy import ConditionalAccessPolicy
from msgraph.generated.models.conditional_access_users import ConditionalAccessUsers
from msgraph.generated.models.ip_named_location import IpNamedLocation
from msgraph.generated.models.i_pv4_cidr_range import IPv4CidrRange
from msgraph_core.requests.batch_request_content import BatchRequestContent

import cloud
from expect import query, refused
from tap import Area

State = states.ConditionalAccessPolicyState


async def tenant(graph):
    await organization(graph)
    await conditional_access(graph)
    await policies(graph)
    await logs(graph)
    await batch(graph)


async def organization(graph):
    step = Area("organization").step

    async def read():
        one = (await graph.organization.get()).value[0]
        assert one.id == cloud.TENANT and one.verified_domains

    async def domains():
        assert "lakeside.example" in [d.id for d in (await graph.domains.get()).value]

    async def skus():
        assert all(s.sku_id and s.prepaid_units.enabled is not None for s in (await graph.subscribed_skus.get()).value)

    await step("read", read)
    await step("domains", domains)
    await step("subscribed skus", skus)


async def conditional_access(graph):
    root = graph.identity.conditional_access

    async def places():
        body = IpNamedLocation(display_name="Typed", is_trusted=False, ip_ranges=[IPv4CidrRange(cidr_address="198.51.100.0/24")])
        made = await root.named_locations.post(body)
        assert type(made).__name__ == "IpNamedLocation" and made.ip_ranges[0].cidr_address == "198.51.100.0/24"
        one = root.named_locations.by_named_location_id(made.id)
        await one.patch(IpNamedLocation(display_name="Typed 2"))
        assert (await one.get()).display_name == "Typed 2"
        await one.delete()
        await refused(one.get(), 404)

    async def policies():
        body = ConditionalAccessPolicy(
            display_name="Typed",
            state=State.Disabled,
            conditions=ConditionalAccessConditionSet(
                client_app_types=[ConditionalAccessClientApp.All],
                applications=ConditionalAccessApplications(include_applications=["All"]),
                users=ConditionalAccessUsers(include_users=["None"]),
            ),
            grant_controls=ConditionalAccessGrantControls(
                operator="OR", built_in_controls=[ConditionalAccessGrantControl.Mfa]
            ),
        )
        made = await root.policies.post(body)
        assert made.state == State.Disabled and made.created_date_time
        one = root.policies.by_conditional_access_policy_id(made.id)
        await one.patch(ConditionalAccessPolicy(state=State.EnabledForReportingButNotEnforced))
        assert (await one.get()).state == State.EnabledForReportingButNotEnforced
        found = await root.policies.get(query(root.policies, filter="displayName eq 'Typed'"))
        assert [p.id for p in found.value] == [made.id]
        await one.delete()
        await refused(one.get(), 404)

    await Area("named locations").step("create, update, delete", places)
    await Area("conditional access").step("create, update, filter, delete", policies)


async def policies(graph):
    step = Area("policies").step

    async def authorization():
        one = graph.policies.authorization_policy
        before = (await one.get()).allowed_to_use_s_s_p_r
        await one.patch(AuthorizationPolicy(allowed_to_use_s_s_p_r=not before))
        assert (await one.get()).allowed_to_use_s_s_p_r is not before

    async def others():
        assert (await graph.policies.identity_security_defaults_enforcement_policy.get()).is_enabled is not None
        assert (await graph.policies.authentication_methods_policy.get()).id
        assert (await graph.policies.cross_tenant_access_policy.default.get()).b2b_collaboration_inbound

    await step("authorization policy", authorization)
    await step("security defaults, authentication methods, cross-tenant access", others)


async def logs(graph):
    async def audits():
        value = (await graph.audit_logs.directory_audits.get()).value
        assert value and all(a.activity_display_name and a.activity_date_time for a in value)

    await Area("audit logs").step("directory audits", audits)


async def batch(graph):
    async def two():
        content = BatchRequestContent()
        content.add_request_information(graph.organization.to_get_request_information())
        content.add_request_information(graph.users.to_get_request_information())
        answer = await graph.batch.post(batch_request_content=content)
        assert set(answer.get_response_status_codes()) == set(content.requests)
        assert set(answer.get_response_status_codes().values()) == {200}

    await Area("batch").step("two reads", two)
