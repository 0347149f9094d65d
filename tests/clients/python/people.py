"""Users, groups, directory roles, administrative units, by the typed client."""

from msgraph.generated.models.administrative_unit import AdministrativeUnit
from msgraph.generated.models.directory_role import DirectoryRole
from msgraph.generated.models.group import Group
from msgraph.generated.models.invitation import Invitation
from msgraph.generated.models.password_profile import PasswordProfile
from msgraph.generated.models.reference_create import ReferenceCreate
from msgraph.generated.models.reference_update import ReferenceUpdate
from msgraph.generated.models.unified_role_assignment import UnifiedRoleAssignment
from msgraph.generated.models.user import User
from msgraph.generated.users.users_request_builder import UsersRequestBuilder

import cloud
from expect import pages, query, refused
from tap import Area

USERS = UsersRequestBuilder.UsersRequestBuilderGetQueryParameters
READERS = "88d8e3e3-8f55-4a1e-953a-9b9898b8876b"


def person(name):
    return User(
        account_enabled=True,
        display_name=f"Typed {name}",
        mail_nickname=name,
        user_principal_name=f"{name}@lakeside.example",
        password_profile=PasswordProfile(password="cnry-Pass-word-2", force_change_password_next_sign_in=True),
    )


async def people(graph):
    user = await users(graph)
    group = await groups(graph, user)
    await roles(graph, user)
    await units(graph, user, group)


async def users(graph):
    step = Area("users").step

    async def create():
        return await graph.users.post(person("tess"))

    user = await step("create", create)
    one = graph.users.by_user_id(user.id)

    async def update():
        await one.patch(User(job_title="Tester", other_mails=["t@elsewhere.example"]))
        read = await one.get(query(one, select=["jobTitle", "otherMails", "createdDateTime"]))
        assert read.job_title == "Tester" and read.other_mails == ["t@elsewhere.example"] and read.created_date_time

    async def list_pages():
        for name in ["theo", "tina"]:
            await graph.users.post(person(name))
        items, count = await pages(graph.users, USERS(top=2))
        assert count > 1 and user.id in [u.id for u in items]

    async def filters():
        found = await graph.users.get(query(graph.users, filter="userPrincipalName eq 'theo@lakeside.example'"))
        assert [u.display_name for u in found.value] == ["Typed theo"]
        found = await graph.users.get(query(graph.users, True, search='"displayName:Typed"', count=True))
        assert found.odata_count == 3, found.odata_count

    async def manager():
        theo = await graph.users.by_user_id("theo@lakeside.example").get()
        await one.manager.ref.put(ReferenceUpdate(odata_id=cloud.reference(theo.id)))
        assert (await one.manager.get()).id == theo.id
        assert [u.id for u in (await graph.users.by_user_id(theo.id).direct_reports.get()).value] == [user.id]

    async def restore():
        tina = await graph.users.by_user_id("tina@lakeside.example").get()
        await graph.users.by_user_id(tina.id).delete()
        assert tina.id in [u.id for u in (await graph.directory.deleted_items.graph_user.get()).value]
        await graph.directory.deleted_items.by_directory_object_id(tina.id).restore.post()
        assert (await graph.users.by_user_id(tina.id).get()).display_name == "Typed tina"

    async def invite():
        made = await graph.invitations.post(
            Invitation(invited_user_email_address="typed@elsewhere.example", invite_redirect_url="https://localhost")
        )
        assert made.invited_user.id and made.status

    await step("update", update)
    await step("list pages", list_pages)
    await step("filters", filters)
    await step("manager", manager)
    await step("delete and restore", restore)
    await Area("invitations").step("invite a guest", invite)
    return user


async def groups(graph, user):
    step = Area("groups").step

    async def create():
        return await graph.groups.post(
            Group(display_name="Typed crew", mail_enabled=False, mail_nickname="typed", security_enabled=True)
        )

    group = await step("create", create)
    one = graph.groups.by_group_id(group.id)

    async def update():
        await one.patch(Group(description="changed"))
        assert (await one.get()).description == "changed"

    async def members():
        await one.members.ref.post(ReferenceCreate(odata_id=cloud.reference(user.id)))
        await refused(one.members.ref.post(ReferenceCreate(odata_id=cloud.reference(user.id))), 400)
        assert [type(m).__name__ for m in (await one.members.get()).value] == ["User"]
        assert [m.id for m in (await one.members.graph_user.get()).value] == [user.id]
        assert (await graph.users.by_user_id(user.id).member_of.get()).value[0].id == group.id

    async def expand():
        read = await one.get(query(one, expand=["members"]))
        assert [m.id for m in read.members] == [user.id]

    async def remove():
        await one.members.by_directory_object_id(user.id).ref.delete()
        assert (await one.members.get()).value == []

    await step("update", update)
    await step("members", members)
    await step("expand", expand)
    await step("remove a member", remove)
    return group


async def roles(graph, user):
    directory = graph.role_management.directory

    async def activate():
        made = await graph.directory_roles.post(DirectoryRole(role_template_id=READERS))
        one = graph.directory_roles.by_directory_role_id(made.id)
        await one.members.ref.post(ReferenceCreate(odata_id=cloud.reference(user.id)))
        assert user.id in [m.id for m in (await one.members.get()).value]
        await one.members.by_directory_object_id(user.id).ref.delete()

    async def assign():
        definitions = directory.role_definitions
        found = await definitions.get(query(definitions, filter="displayName eq 'Reports Reader'"))
        made = await directory.role_assignments.post(
            UnifiedRoleAssignment(
                principal_id=user.id, role_definition_id=found.value[0].id, directory_scope_id="/"
            )
        )
        listed = await directory.role_assignments.get(
            query(directory.role_assignments, filter=f"principalId eq '{user.id}'", expand=["principal"])
        )
        assert [a.id for a in listed.value] == [made.id] and listed.value[0].principal.id == user.id
        await directory.role_assignments.by_unified_role_assignment_id(made.id).delete()

    step = Area("directory roles").step
    await step("activate, add and remove a member", activate)
    await step("assign and unassign", assign)


async def units(graph, user, group):
    async def all_of_it():
        units = graph.directory.administrative_units
        made = await units.post(AdministrativeUnit(display_name="Typed unit"))
        one = units.by_administrative_unit_id(made.id)
        await one.patch(AdministrativeUnit(description="changed"))
        assert (await one.get()).description == "changed"
        for identity in [user.id, group.id]:
            await one.members.ref.post(ReferenceCreate(odata_id=cloud.reference(identity)))
        assert {type(m).__name__ for m in (await one.members.get()).value} == {"User", "Group"}
        await one.delete()
        await refused(one.get(), 404)

    await Area("administrative units").step("create, update, members, delete", all_of_it)
