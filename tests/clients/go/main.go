// A program for Microsoft Graph with HashiCorp's client (what the Terraform provider azuread is made with) and with
// Microsoft's azidentity, pointed at the sandbox.
package main

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/hashicorp/go-azure-sdk/sdk/auth"
	"github.com/hashicorp/go-azure-sdk/sdk/client/msgraph"
	"github.com/hashicorp/go-azure-sdk/sdk/environments"
	"software.sslmate.com/src/go-pkcs12"
)

var (
	url    = os.Getenv("SANDBOX_URL")
	tenant = os.Getenv("SANDBOX_TENANT")
	id     = os.Getenv("SANDBOX_CLIENT_ID")
	secret = os.Getenv("SANDBOX_CLIENT_SECRET")
)

const scope = "https://graph.microsoft.com/.default"

func main() {
	ctx, done := context.WithTimeout(context.Background(), 90*time.Second)
	defer done()
	microsoft(ctx)
	if client := hashicorp(ctx); client != nil {
		g := graph{ctx, client}
		applications(g)
		people(g)
		policies(g)
	}
	end()
}

// microsoft signs in by azidentity, which stands on MSAL for Go.
func microsoft(ctx context.Context) {
	options := azcore.ClientOptions{Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: url}}
	step("sign-in", "azidentity by secret", func() error {
		with := azidentity.ClientSecretCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: true}
		credential, err := azidentity.NewClientSecretCredential(tenant, id, secret, &with)
		if err != nil {
			return err
		}
		return token(ctx, credential)
	})
	step("sign-in", "azidentity by certificate", func() error {
		certificate, key, err := pair()
		if err != nil {
			return err
		}
		with := azidentity.ClientCertificateCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: true}
		credential, err := azidentity.NewClientCertificateCredential(tenant, id, []*x509.Certificate{certificate}, key, &with)
		if err != nil {
			return err
		}
		return token(ctx, credential)
	})
}

func token(ctx context.Context, credential azcore.TokenCredential) error {
	found, err := credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{scope}})
	if err != nil {
		return err
	}
	return expect(found.Token != "" && time.Until(found.ExpiresOn) > 50*time.Minute, "it ends at %s", found.ExpiresOn)
}

// hashicorp finds the cloud by its metadata, signs in to it and answers a client.
func hashicorp(ctx context.Context) (client *msgraph.Client) {
	var environment *environments.Environment
	step("sign-in", "the cloud by its metadata", func() (err error) {
		environment, err = environments.FromEndpoint(ctx, url)
		return err
	})
	if environment == nil {
		return nil
	}
	credentials := auth.Credentials{Environment: *environment, TenantID: tenant, ClientID: id}
	step("sign-in", "HashiCorp's client by certificate", func() error {
		certificate, key, err := pair()
		if err != nil {
			return err
		}
		with := credentials
		with.EnableAuthenticatingUsingClientCertificate = true
		if with.ClientCertificateData, err = pkcs12.Modern.Encode(key, certificate, nil, ""); err != nil {
			return err
		}
		authorizer, err := auth.NewAuthorizerFromCredentials(ctx, with, environment.MicrosoftGraph)
		if err != nil {
			return err
		}
		_, err = authorizer.Token(ctx, nil)
		return err
	})
	step("sign-in", "HashiCorp's client by secret", func() error {
		credentials.EnableAuthenticatingUsingClientSecret = true
		credentials.ClientSecret = secret
		authorizer, err := auth.NewAuthorizerFromCredentials(ctx, credentials, environment.MicrosoftGraph)
		if err != nil {
			return err
		}
		client, err = msgraph.NewClient(environment.MicrosoftGraph, "clients", msgraph.VersionOnePointZero)
		if err != nil {
			return err
		}
		client.SetAuthorizer(authorizer)
		return nil
	})
	return client
}

// pair reads the certificate and its key.
func pair() (*x509.Certificate, crypto.PrivateKey, error) {
	text, err := os.ReadFile(os.Getenv("SANDBOX_CERTIFICATE"))
	if err != nil {
		return nil, nil, err
	}
	var certificate *x509.Certificate
	var key crypto.PrivateKey
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			certificate, err = x509.ParseCertificate(block.Bytes)
		} else {
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if certificate == nil || key == nil {
		return nil, nil, fmt.Errorf("no certificate with its key")
	}
	return certificate, key, nil
}
