"""Applications, their credentials and owners, principals, grants, deleted items, by the typed client."""

import uuid

from msgraph.generated.applications.applications_request_builder import ApplicationsRequestBuilder
from msgraph.generated.applications.item.add_password.add_password_post_request_body import AddPasswordPostRequestBody
from msgraph.generated.applications.item.remove_password.remove_password_post_request_body import (
    RemovePasswordPostRequestBody,
)
from msgraph.generated.models.app_role_assignment import AppRoleAssignment
from msgraph.generated.models.application import Application
from msgraph.generated.models.federated_identity_credential import FederatedIdentityCredential
from msgraph.generated.models.o_auth2_permission_grant import OAuth2PermissionGrant
from msgraph.generated.models.password_credential import PasswordCredential
from msgraph.generated.models.reference_create import ReferenceCreate
from msgraph.generated.models.service_principal import ServicePrincipal

import cloud
from expect import pages, query, refused
from tap import Area

GRAPH = "00000003-0000-0000-c000-000000000000"
GROUP_READ_ALL = "5b567255-7703-4780-807c-7be8301ae99b"
APPS = ApplicationsRequestBuilder.ApplicationsRequestBuilderGetQueryParameters


async def applications(graph):
    step = Area("applications").step

    async def create():
        made = await graph.applications.post(Application(display_name="Typed one", tags=["typed"]))
        assert made.id and made.app_id and made.created_date_time and made.sign_in_audience == "AzureADMultipleOrgs"
        return made

    app = await step("create", create)
    one = graph.applications.by_application_id(app.id)

    async def update():
        await one.patch(Application(display_name="Typed two", notes="changed"))
        read = await one.get()
        assert (read.display_name, read.notes) == ("Typed two", "changed")

    async def by_app_id():
        assert (await graph.applications_with_app_id(app.app_id).get()).id == app.id

    async def by_unique_name():
        name = f"typed-{uuid.uuid4()}"
        made = await graph.applications.post(Application(display_name="Unique", unique_name=name))
        assert (await graph.applications_with_unique_name(name).get()).id == made.id
        await graph.applications.by_application_id(made.id).delete()

    async def list_pages():
        for number in range(3):
            await graph.applications.post(Application(display_name=f"Typed page {number}"))
        items, count = await pages(graph.applications, APPS(top=2, select=["id", "displayName"]))
        assert count > 1 and app.id in [i.id for i in items], (count, len(items))

    async def filters():
        found = await graph.applications.get(query(graph.applications, filter="startswith(displayName,'Typed page')"))
        assert len(found.value) == 3
        found = await graph.applications.get(
            query(graph.applications, True, filter="startswith(displayName,'Typed')", count=True, orderby=["displayName"])
        )
        assert found.odata_count == len(found.value) == 4, found.odata_count

    await step("update", update)
    await step("by app id", by_app_id)
    await step("by unique name", by_unique_name)
    await step("list pages", list_pages)
    await step("filters", filters)
    await credentials(one)
    await owners(graph, one)
    await deleted_items(graph, app)


async def credentials(one):
    step = Area("credentials").step

    async def password():
        made = await one.add_password.post(AddPasswordPostRequestBody(password_credential=PasswordCredential(display_name="typed")))
        assert made.secret_text and made.key_id and made.end_date_time
        await one.remove_password.post(RemovePasswordPostRequestBody(key_id=made.key_id))
        assert (await one.get()).password_credentials == []

    async def federated():
        made = await one.federated_identity_credentials.post(
            FederatedIdentityCredential(
                name="typed", issuer="https://issuer.example", subject="s", audiences=["api://AzureADTokenExchange"]
            )
        )
        listed = await one.federated_identity_credentials.get()
        assert [c.id for c in listed.value] == [made.id]
        await one.federated_identity_credentials.by_federated_identity_credential_id(made.id).delete()

    await step("add and remove a password", password)
    await step("federated credentials", federated)


async def owners(graph, one):
    async def owned():
        ada = await graph.users.by_user_id("ada@lakeside.example").get()
        await one.owners.ref.post(ReferenceCreate(odata_id=cloud.reference(ada.id)))
        listed = (await one.owners.get()).value
        assert ada.id in [o.id for o in listed]
        assert type(next(o for o in listed if o.id == ada.id)).__name__ == "User"
        await one.owners.by_directory_object_id(ada.id).ref.delete()
        assert ada.id not in [o.id for o in (await one.owners.get()).value]

    await Area("owners").step("add, list and remove", owned)


async def deleted_items(graph, app):
    step = Area("deleted items").step
    bin_ = graph.directory.deleted_items

    async def delete():
        await graph.applications.by_application_id(app.id).delete()
        await refused(graph.applications.by_application_id(app.id).get(), 404)
        assert app.id in [a.id for a in (await bin_.graph_application.get()).value]

    async def restore():
        back = await bin_.by_directory_object_id(app.id).restore.post()
        assert back.id == app.id and type(back).__name__ == "Application"
        assert (await graph.applications.by_application_id(app.id).get()).app_id == app.app_id

    await step("delete", delete)
    await step("restore", restore)


async def principals(graph):
    step = Area("service principals").step

    async def create():
        app = await graph.applications.post(Application(display_name="Typed API"))
        made = await graph.service_principals.post(ServicePrincipal(app_id=app.app_id))
        assert made.display_name == "Typed API" and made.service_principal_type == "Application"
        return made

    async def graphs_own():
        return await graph.service_principals_with_app_id(GRAPH).get()

    principal = await step("create", create)
    resource = await step("Graph's own", graphs_own)
    one = graph.service_principals.by_service_principal_id(principal.id)

    async def update():
        await one.patch(ServicePrincipal(account_enabled=False))
        assert (await one.get()).account_enabled is False

    async def assign():
        body = AppRoleAssignment(
            principal_id=uuid.UUID(principal.id),
            resource_id=uuid.UUID(resource.id),
            app_role_id=uuid.UUID(GROUP_READ_ALL),
        )
        made = await one.app_role_assignments.post(body)
        assert made.principal_type == "ServicePrincipal"
        await refused(one.app_role_assignments.post(body), 400)
        await one.app_role_assignments.by_app_role_assignment_id(made.id).delete()
        assert (await one.app_role_assignments.get()).value == []

    async def grant():
        made = await graph.oauth2_permission_grants.post(
            OAuth2PermissionGrant(
                client_id=principal.id, consent_type="AllPrincipals", resource_id=resource.id, scope="User.Read"
            )
        )
        one_grant = graph.oauth2_permission_grants.by_o_auth2_permission_grant_id(made.id)
        await one_grant.patch(OAuth2PermissionGrant(scope="User.Read openid"))
        assert (await one_grant.get()).scope == "User.Read openid"
        assert [g.id for g in (await one.oauth2_permission_grants.get()).value] == [made.id]
        await one_grant.delete()

    async def delete():
        await one.delete()
        await refused(one.get(), 404)

    await step("update", update)
    await step("app role assignments", assign)
    await step("permission grants", grant)
    await step("delete", delete)
