"""GDAP by the typed client, with the customer who accepts."""

import asyncio
import json
import os
import ssl
import urllib.request

from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph.generated.models.delegated_admin_access_assignment import DelegatedAdminAccessAssignment
from msgraph.generated.models.delegated_admin_access_container import DelegatedAdminAccessContainer
from msgraph.generated.models.delegated_admin_access_container_type import DelegatedAdminAccessContainerType
from msgraph.generated.models.delegated_admin_access_details import DelegatedAdminAccessDetails
from msgraph.generated.models.delegated_admin_relationship import DelegatedAdminRelationship
from msgraph.generated.models.delegated_admin_relationship_customer_participant import (
    DelegatedAdminRelationshipCustomerParticipant,
)
from msgraph.generated.models.delegated_admin_relationship_request import DelegatedAdminRelationshipRequest
from msgraph.generated.models.delegated_admin_relationship_request_action import DelegatedAdminRelationshipRequestAction
from msgraph.generated.models.group import Group
from msgraph.generated.models.service_principal import ServicePrincipal
from msgraph.generated.models.unified_role import UnifiedRole

import cloud
from tap import Area

SERVICE = "2832473f-ec63-45fb-976f-5d45a7d4bb91"
REPORTS_READER = "4a5d8f65-41da-4de4-8968-e035b65339cf"


def details():
    return DelegatedAdminAccessDetails(unified_roles=[UnifiedRole(role_definition_id=REPORTS_READER)])


def accept(relationship):
    body = json.dumps({"relationship": relationship}).encode()
    context = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
    urllib.request.urlopen(f"{cloud.URL}/_sandbox/approve", data=body, context=context).read()


async def partner(graph):
    step = Area("GDAP").step
    relations = graph.tenant_relationships.delegated_admin_relationships

    async def create():
        await graph.service_principals.post(ServicePrincipal(app_id=SERVICE))
        made = await relations.post(
            DelegatedAdminRelationship(
                display_name="Typed",
                customer=DelegatedAdminRelationshipCustomerParticipant(tenant_id=cloud.CUSTOMER),
                access_details=details(),
                # The client writes a timedelta as "365 days, 0:00:00", which Graph does not take.
                additional_data={"duration": "P365D", "autoExtendDuration": "PT0S"},
            )
        )
        assert made.status.value == "created"
        return made

    made = await step("create", create)
    one = relations.by_delegated_admin_relationship_id(made.id)

    async def approved():
        action = DelegatedAdminRelationshipRequestAction.LockForApproval
        await one.requests.post(DelegatedAdminRelationshipRequest(action=action))
        await asyncio.to_thread(accept, made.id)
        assert (await one.get()).status.value == "active"

    async def assign():
        group = await graph.groups.post(
            Group(display_name="Typed GDAP", mail_enabled=False, mail_nickname="typedgdap", security_enabled=True)
        )
        container = DelegatedAdminAccessContainer(
            access_container_id=group.id, access_container_type=DelegatedAdminAccessContainerType.SecurityGroup
        )
        await one.access_assignments.post(
            DelegatedAdminAccessAssignment(access_container=container, access_details=details())
        )
        listed = (await one.access_assignments.get()).value
        assert [a.access_container.access_container_id for a in listed] == [group.id]
        etag = listed[0].additional_data["@odata.etag"]
        configuration = RequestConfiguration()
        configuration.headers.add("If-Match", etag)
        await one.access_assignments.by_delegated_admin_access_assignment_id(listed[0].id).delete(configuration)

    await step("approve", approved)
    await step("assign and take back", assign)
