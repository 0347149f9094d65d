"""A program for Microsoft Graph with Microsoft's typed Python client and azure-identity, pointed at the sandbox."""

import asyncio

import cloud
import tap
from applications import applications, principals
from partner import partner
from people import people
from signin import sign_in
from tenant import tenant


async def main():
    await sign_in()
    async with cloud.by_secret() as credential:
        graph = cloud.graph(credential)
        for area in [applications, principals, people, tenant, partner]:
            try:
                await area(graph)
            except Exception as error:
                print(f"not ok 0 {area.__name__} was left: {error!r}", flush=True)
    tap.end()


asyncio.run(main())
