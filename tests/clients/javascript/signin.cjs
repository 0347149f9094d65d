// Sign-in by MSAL: secret, certificate, device code, and what is refused.
'use strict'
const { assert } = require('./expect.cjs')
const cloud = require('./cloud.cjs')

const claims = token => JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString())

async function signIn (area) {
  const step = area('sign-in')
  await step('by secret', async () => {
    const answer = await cloud.withSecret().acquireTokenByClientCredential({ scopes: [cloud.GRAPH] })
    const said = claims(answer.accessToken)
    assert.equal(said.tid, cloud.tenant)
    assert.equal(said.appid, cloud.clientId)
    assert.ok(said.roles.includes('Application.ReadWrite.All'))
    assert.equal(said.ver, '1.0')
  })
  await step('a second token comes from the cache', async () => {
    const app = cloud.withSecret()
    const one = await app.acquireTokenByClientCredential({ scopes: [cloud.GRAPH] })
    const two = await app.acquireTokenByClientCredential({ scopes: [cloud.GRAPH] })
    assert.equal(two.fromCache, true)
    assert.equal(one.accessToken, two.accessToken)
  })
  await step('by certificate', async () => {
    const answer = await cloud.withCertificate().acquireTokenByClientCredential({ scopes: [cloud.GRAPH] })
    assert.equal(claims(answer.accessToken).appid, cloud.clientId)
  })
  await step('by secret in a domain of the tenant', async () => {
    const answer = await cloud.withSecret('lakeside.example').acquireTokenByClientCredential({ scopes: [cloud.GRAPH] })
    assert.equal(claims(answer.accessToken).tid, cloud.tenant)
  })
  await step('a wrong secret is refused', async () => {
    const { ConfidentialClientApplication } = require('@azure/msal-node')
    const auth = { clientId: cloud.clientId, clientSecret: 'wrong', ...cloud.authority() }
    const app = new ConfidentialClientApplication({ auth })
    const call = app.acquireTokenByClientCredential({ scopes: [cloud.GRAPH] })
    const error = await call.then(() => { throw new Error('a token came') }, e => e)
    assert.equal(error.errorCode, 'invalid_client')
    assert.match(error.errorMessage, /AADSTS7000215/)
  })
  await step('azure-identity by secret', async () => {
    const { ClientSecretCredential } = require('@azure/identity')
    const options = { authorityHost: cloud.url, disableInstanceDiscovery: true }
    const credential = new ClientSecretCredential(cloud.tenant, cloud.clientId, cloud.clientSecret, options)
    const { token } = await credential.getToken(cloud.GRAPH)
    assert.equal(claims(token).tid, cloud.tenant)
  })
}

/** A public client of its own, with consent of the whole tenant, and its token for the persona. */
async function delegated (area, client, scopes, enter) {
  const step = area('device code')
  const app = await step('register a public client', async () => {
    const made = await client.api('/applications').post({
      displayName: 'Command line',
      signInAudience: 'AzureADMyOrg',
      isFallbackPublicClient: true,
      publicClient: { redirectUris: ['http://localhost'] }
    })
    assert.equal(made.isFallbackPublicClient, true)
    return made
  })
  await step('consent for everybody', async () => {
    const principal = await client.api('/servicePrincipals').post({ appId: app.appId })
    const filter = "appId eq '00000003-0000-0000-c000-000000000000'"
    const { value: [resource] } = await client.api('/servicePrincipals').filter(filter).get()
    await client.api('/oauth2PermissionGrants').post({
      clientId: principal.id, consentType: 'AllPrincipals', resourceId: resource.id, scope: scopes.join(' ')
    })
  })
  return await step('sign in on the page', async () => {
    const answer = await cloud.publicClient(app.appId).acquireTokenByDeviceCode({
      scopes: scopes.map(scope => `https://graph.microsoft.com/${scope}`),
      deviceCodeCallback: said => { enter(said).catch(error => console.error(error)) },
      timeout: 30
    })
    assert.equal(answer.account.username, 'ada@lakeside.example')
    assert.equal(answer.account.tenantId, cloud.tenant)
    assert.equal(claims(answer.accessToken).idtyp, 'user')
    return { app, token: answer.accessToken }
  })
}

module.exports = { claims, delegated, signIn }
