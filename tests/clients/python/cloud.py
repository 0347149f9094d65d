"""Where the cloud is and how to sign in to it: the only lines that differ from a program for Microsoft's own."""

import os
from urllib.parse import urlsplit

from azure.identity.aio import CertificateCredential, ClientSecretCredential
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from msgraph import GraphServiceClient
from msgraph.graph_request_adapter import GraphRequestAdapter

URL = os.environ["SANDBOX_URL"]
TENANT = os.environ["SANDBOX_TENANT"]
CLIENT = os.environ["SANDBOX_CLIENT_ID"]
SECRET = os.environ["SANDBOX_CLIENT_SECRET"]
CERTIFICATE = os.environ["SANDBOX_CERTIFICATE"]
CUSTOMER = os.environ["SANDBOX_CUSTOMER"]
SCOPE = "https://graph.microsoft.com/.default"

# A host that is not Microsoft's is not looked up at Microsoft's.
_ELSEWHERE = {"authority": URL, "disable_instance_discovery": True}


def by_secret(secret=SECRET):
    return ClientSecretCredential(TENANT, CLIENT, secret, **_ELSEWHERE)


def by_certificate():
    return CertificateCredential(TENANT, CLIENT, CERTIFICATE, **_ELSEWHERE)


def graph(credential):
    host = urlsplit(URL).hostname
    provider = AzureIdentityAuthenticationProvider(credential, scopes=[SCOPE], allowed_hosts=[host])
    adapter = GraphRequestAdapter(provider)
    adapter.base_url = f"{URL}/v1.0"
    return GraphServiceClient(request_adapter=adapter)


def reference(identity):
    return f"https://graph.microsoft.com/v1.0/directoryObjects/{identity}"
