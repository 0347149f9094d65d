"""Sign-in by azure-identity and MSAL."""

import asyncio

import msal
from azure.core.exceptions import ClientAuthenticationError

import cloud
from tap import Area


async def sign_in():
    area = Area("sign-in")

    async def by_secret():
        async with cloud.by_secret() as credential:
            token = await credential.get_token(cloud.SCOPE)
            assert token.token.count(".") == 2 and token.expires_on > 0

    async def by_certificate():
        async with cloud.by_certificate() as credential:
            assert (await credential.get_token(cloud.SCOPE)).token

    async def wrong_secret():
        async with cloud.by_secret("wrong") as credential:
            try:
                await credential.get_token(cloud.SCOPE)
            except ClientAuthenticationError as error:
                assert "AADSTS7000215" in str(error), error
                return
            raise AssertionError("a token came")

    async def by_msal():
        app = msal.ConfidentialClientApplication(
            cloud.CLIENT, cloud.SECRET, authority=f"{cloud.URL}/{cloud.TENANT}", instance_discovery=False
        )
        first = await asyncio.to_thread(app.acquire_token_for_client, [cloud.SCOPE])
        assert first.get("token_type") == "Bearer" and first["expires_in"] > 3000, first
        again = await asyncio.to_thread(app.acquire_token_for_client, [cloud.SCOPE])
        assert again["token_source"] == "cache" and again["access_token"] == first["access_token"]

    async def by_oidc():
        app = msal.ConfidentialClientApplication(
            cloud.CLIENT, cloud.SECRET, oidc_authority=f"{cloud.URL}/{cloud.TENANT}/v2.0"
        )
        assert "access_token" in await asyncio.to_thread(app.acquire_token_for_client, [cloud.SCOPE])

    await area.step("azure-identity by secret", by_secret)
    await area.step("azure-identity by certificate", by_certificate)
    await area.step("a wrong secret is refused", wrong_secret)
    await area.step("msal by secret, then from its cache", by_msal)
    await area.step("msal by the issuer", by_oidc)
