// Applications and principals: credentials, owners, roles, grants, deleted items.
'use strict'
const { randomUUID } = require('node:crypto')
const { assert, holds, pages, refused } = require('./expect.cjs')

const GRAPH = '00000003-0000-0000-c000-000000000000'
const USER_READ_ALL = 'df021288-bdef-4463-88db-98f22de89214'

async function applications (area, client) {
  const step = area('applications')
  const app = await step('create', async () => {
    const body = { displayName: 'Foreign one', tags: ['foreign'], requiredResourceAccess: [{ resourceAppId: GRAPH, resourceAccess: [{ id: USER_READ_ALL, type: 'Role' }] }] }
    const made = await client.api('/applications').post(body)
    holds(made, body)
    assert.equal(made.signInAudience, 'AzureADMultipleOrgs')
    assert.equal(made.publisherDomain, 'lakeside.example')
    assert.match(made.createdDateTime, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
    return made
  })
  const at = `/applications/${app.id}`
  await step('by app id', async () => assert.equal((await client.api(`/applications(appId='${app.appId}')`).get()).id, app.id))
  await step('select', async () => {
    const one = await client.api(at).select('id,displayName').get()
    assert.deepEqual(Object.keys(one).filter(k => !k.startsWith('@')).sort(), ['displayName', 'id'])
  })
  await step('update', async () => {
    const change = { displayName: 'Foreign two', web: { redirectUris: ['https://localhost/cb'] }, notes: 'changed' }
    await client.api(at).patch(change)
    holds(await client.api(at).get(), change)
  })
  await step('list pages', async () => {
    for (let i = 0; i < 4; i++) await client.api('/applications').post({ displayName: `Paged ${i}` })
    const found = await pages(client, client.api('/applications').top(2))
    assert.ok(found.count >= 3, `${found.count} pages`)
    assert.equal(new Set(found.ids).size, found.ids.length)
  })
  await step('filters', async () => {
    const some = async filter => (await client.api('/applications').filter(filter).get()).value.map(a => a.displayName)
    assert.deepEqual(await some("displayName eq 'Foreign two'"), ['Foreign two'])
    assert.equal((await some("startswith(displayName,'Paged')")).length, 4)
    assert.equal((await some(`appId eq '${app.appId}'`)).length, 1)
    assert.deepEqual(await some("tags/any(t:t eq 'foreign')"), ['Foreign two'])
    assert.deepEqual((await some("displayName in ('Paged 1','Paged 2')")).sort(), ['Paged 1', 'Paged 2'])
  })
  await step('advanced queries', async () => {
    const eventual = path => client.api(path).header('ConsistencyLevel', 'eventual')
    const counted = await eventual('/applications').count(true).filter("startswith(displayName,'Paged')").orderby('displayName desc').get()
    assert.equal(counted['@odata.count'], 4)
    assert.equal(counted.value[0].displayName, 'Paged 3')
    assert.equal(Number(await eventual('/applications/$count').filter("startswith(displayName,'Paged')").get()), 4)
    const found = await eventual('/applications').search('"displayName:Foreign"').get()
    assert.ok(found.value.some(a => a.displayName === 'Foreign two'))
    assert.ok((await eventual('/applications').count(true).filter("NOT startswith(displayName,'Paged')").get()).value.length > 0)
  })
  await step('what Graph does not support is refused', async () => {
    await refused(client.api('/applications').filter("endswith(displayName,'1')").get(), 400)
    await refused(client.api('/applications').filter("nonsense eq 'x'").get(), 400)
    await refused(client.api('/applications').select('nonsense').get(), 400)
    await refused(client.api('/applications/nonsense').get(), 404)
    await refused(client.api(`/applications/${randomUUID()}`).get(), 404, 'Request_ResourceNotFound')
    await refused(client.api('/nonsense').get(), 400)
    await refused(client.api('/applications').post({ displayName: 'x', nonsense: 1 }), 400)
    await refused(client.api('/applications').post({}), 400)
  })
  await credentials(area('credentials'), client, at)
  await owners(area('owners'), client, at)
  await deletedItems(area('deleted items'), client, app)
  await batch(area('batch'), client)
}

async function credentials (step, client, at) {
  const secret = await step('add a password', async () => {
    const made = await client.api(`${at}/addPassword`).post({ passwordCredential: { displayName: 'one' } })
    assert.ok(made.secretText && made.keyId && made.hint === made.secretText.slice(0, 3))
    return made
  })
  await step('a password is shown once', async () => {
    const { passwordCredentials: [one] } = await client.api(at).get()
    assert.equal(one.keyId, secret.keyId)
    assert.equal(one.secretText, null)
  })
  await step('remove a password', async () => {
    await client.api(`${at}/removePassword`).post({ keyId: secret.keyId })
    assert.deepEqual((await client.api(at).get()).passwordCredentials, [])
  })
  await step('set and clear certificates', async () => {
    const pem = require('node:fs').readFileSync(process.env.SANDBOX_CERTIFICATE, 'utf8')
    const key = pem.split('-----BEGIN CERTIFICATE-----')[1].split('-----END')[0].replace(/\s/g, '')
    await client.api(at).patch({ keyCredentials: [{ type: 'AsymmetricX509Cert', usage: 'Verify', displayName: 'CN=clients', key }] })
    const { keyCredentials } = await client.api(at).get()
    assert.equal(keyCredentials.length, 1)
    assert.equal(keyCredentials[0].type, 'AsymmetricX509Cert')
    await client.api(at).patch({ keyCredentials: [] })
    assert.equal((await client.api(at).get()).keyCredentials.length, 0)
  })
  await step('federated credentials', async () => {
    const body = { name: 'pipeline', issuer: 'https://token.actions.githubusercontent.com', subject: 'repo:lab/lab:ref:refs/heads/main', audiences: ['api://AzureADTokenExchange'] }
    const made = await client.api(`${at}/federatedIdentityCredentials`).post(body)
    holds(made, body)
    await client.api(`${at}/federatedIdentityCredentials/${made.id}`).patch({ description: 'main' })
    assert.equal((await client.api(`${at}/federatedIdentityCredentials/pipeline`).get()).description, 'main')
    assert.equal((await client.api(`${at}/federatedIdentityCredentials`).get()).value.length, 1)
    await client.api(`${at}/federatedIdentityCredentials/${made.id}`).delete()
    assert.equal((await client.api(`${at}/federatedIdentityCredentials`).get()).value.length, 0)
  })
}

async function owners (step, client, at) {
  const ada = await step('find a user by name', async () => (await client.api('/users/ada@lakeside.example').get()).id)
  const reference = { '@odata.id': `https://graph.microsoft.com/v1.0/directoryObjects/${ada}` }
  await step('add', async () => client.api(`${at}/owners/$ref`).post(reference))
  await step('twice is refused', async () => {
    const error = await refused(client.api(`${at}/owners/$ref`).post(reference), 400, 'Request_BadRequest')
    assert.match(error.message, /One or more added object references already exist/)
  })
  await step('list', async () => {
    const { value } = await client.api(`${at}/owners`).get()
    const one = value.find(o => o.id === ada)
    assert.equal(one['@odata.type'], '#microsoft.graph.user')
    assert.equal(one.userPrincipalName, 'ada@lakeside.example')
  })
  await step('expand', async () => {
    const one = await client.api(at).expand('owners').get()
    assert.ok(one.owners.some(o => o.id === ada))
  })
  await step('owned objects of the user', async () => {
    const { value } = await client.api(`/users/${ada}/ownedObjects`).get()
    assert.ok(value.some(o => at.endsWith(o.id)))
  })
  await step('remove', async () => {
    await client.api(`${at}/owners/${ada}/$ref`).delete()
    assert.ok(!(await client.api(`${at}/owners`).get()).value.some(o => o.id === ada))
  })
}

async function deletedItems (step, client, app) {
  const bin = '/directory/deletedItems'
  await step('delete', async () => {
    await client.api(`/applications/${app.id}`).delete()
    await refused(client.api(`/applications/${app.id}`).get(), 404)
  })
  await step('list by type', async () => {
    const { value } = await client.api(`${bin}/microsoft.graph.application`).get()
    assert.ok(value.find(a => a.id === app.id).deletedDateTime)
  })
  await step('read one', async () => assert.equal((await client.api(`${bin}/${app.id}`).get()).id, app.id))
  await step('restore', async () => {
    const back = await client.api(`${bin}/${app.id}/restore`).post({})
    assert.equal(back.id, app.id)
    assert.equal((await client.api(`/applications/${app.id}`).get()).appId, app.appId)
  })
  await step('delete for good', async () => {
    await client.api(`/applications/${app.id}`).delete()
    await client.api(`${bin}/${app.id}`).delete()
    await refused(client.api(`${bin}/${app.id}`).get(), 404)
  })
}

async function batch (step, client) {
  await step('reads and a write that waits for another', async () => {
    const body = { 'Content-Type': 'application/json' }
    const answer = await client.api('/$batch').post({
      requests: [
        { id: 'a', method: 'GET', url: '/organization' },
        { id: 'b', method: 'POST', url: '/applications', headers: body, body: { displayName: 'From a batch' } },
        { id: 'c', method: 'GET', url: "/applications?$filter=displayName eq 'From a batch'", dependsOn: ['b'] },
        { id: 'd', method: 'GET', url: `/users/${randomUUID()}` }
      ]
    })
    const by = Object.fromEntries(answer.responses.map(r => [r.id, r]))
    assert.deepEqual([by.a.status, by.b.status, by.c.status, by.d.status], [200, 201, 200, 404])
    assert.equal(by.c.body.value[0].id, by.b.body.id)
    assert.equal(by.d.body.error.code, 'Request_ResourceNotFound')
  })
  await step('more than twenty are refused', async () => {
    const requests = Array.from({ length: 21 }, (_, i) => ({ id: `${i}`, method: 'GET', url: '/organization' }))
    await refused(client.api('/$batch').post({ requests }), 400)
  })
}

async function principals (area, client) {
  const step = area('service principals')
  const app = await step('register', async () => client.api('/applications').post({
    displayName: 'An API',
    identifierUris: ['api://lakeside-api'],
    appRoles: [{ id: randomUUID(), value: 'Things.Read', displayName: 'Read things', description: 'Read things', allowedMemberTypes: ['Application', 'User'], isEnabled: true }],
    api: { oauth2PermissionScopes: [{ id: randomUUID(), value: 'things', type: 'User', isEnabled: true, adminConsentDisplayName: 'x', adminConsentDescription: 'x', userConsentDisplayName: 'x', userConsentDescription: 'x' }] }
  }))
  const api = await step('create', async () => {
    const made = await client.api('/servicePrincipals').post({ appId: app.appId, tags: ['WindowsAzureActiveDirectoryIntegratedApp'] })
    assert.equal(made.displayName, 'An API')
    assert.equal(made.servicePrincipalType, 'Application')
    assert.deepEqual(made.appRoles.map(r => r.value), ['Things.Read'])
    assert.deepEqual(made.oauth2PermissionScopes.map(s => s.value), ['things'])
    assert.ok(made.servicePrincipalNames.includes('api://lakeside-api'))
    return made
  })
  await step('by app id', async () => assert.equal((await client.api(`/servicePrincipals(appId='${app.appId}')`).get()).id, api.id))
  await step('update', async () => {
    await client.api(`/servicePrincipals/${api.id}`).patch({ appRoleAssignmentRequired: true, notes: 'ours' })
    holds(await client.api(`/servicePrincipals/${api.id}`).get(), { appRoleAssignmentRequired: true, notes: 'ours' })
  })
  await step('twice is refused', async () => refused(client.api('/servicePrincipals').post({ appId: app.appId }), 409))
  const graph = await step('Graph’s own', async () => {
    const one = await client.api(`/servicePrincipals(appId='${GRAPH}')`).get()
    assert.ok(one.appRoles.some(r => r.id === USER_READ_ALL && r.value === 'User.Read.All'))
    return one
  })
  await appRoles(area('app role assignments'), client, api, graph, app.appRoles[0].id)
  await grants(area('permission grants'), client, api, graph)
  await step('list pages', async () => {
    const found = await pages(client, client.api('/servicePrincipals').top(2))
    assert.ok(found.ids.includes(api.id) && found.count > 1)
  })
  await step('password and owners', async () => {
    const made = await client.api(`/servicePrincipals/${api.id}/addPassword`).post({})
    await client.api(`/servicePrincipals/${api.id}/removePassword`).post({ keyId: made.keyId })
    assert.ok(Array.isArray((await client.api(`/servicePrincipals/${api.id}/owners`).get()).value))
  })
  await step('member of', async () => assert.deepEqual((await client.api(`/servicePrincipals/${api.id}/memberOf`).get()).value, []))
  await step('delete and restore', async () => {
    await client.api(`/servicePrincipals/${api.id}`).delete()
    await refused(client.api(`/servicePrincipals/${api.id}`).get(), 404)
    await client.api(`/directory/deletedItems/${api.id}/restore`).post({})
    assert.equal((await client.api(`/servicePrincipals/${api.id}`).get()).id, api.id)
  })
}

async function appRoles (step, client, api, graph, own) {
  const body = { principalId: api.id, resourceId: graph.id, appRoleId: USER_READ_ALL }
  const made = await step('assign a role of Graph to an app', async () => {
    const made = await client.api(`/servicePrincipals/${graph.id}/appRoleAssignedTo`).post(body)
    holds(made, { ...body, principalType: 'ServicePrincipal', resourceDisplayName: 'Microsoft Graph' })
    return made
  })
  await step('seen from both sides', async () => {
    const ids = async path => (await client.api(path).get()).value.map(a => a.id)
    assert.ok((await ids(`/servicePrincipals/${api.id}/appRoleAssignments`)).includes(made.id))
    assert.ok((await ids(`/servicePrincipals/${graph.id}/appRoleAssignedTo`)).includes(made.id))
  })
  await step('twice is refused', async () => refused(client.api(`/servicePrincipals/${graph.id}/appRoleAssignedTo`).post(body), 400))
  await step('assign a role to a user', async () => {
    const ada = await client.api('/users/ada@lakeside.example').get()
    const path = `/users/${ada.id}/appRoleAssignments`
    const made = await client.api(path).post({ principalId: ada.id, resourceId: api.id, appRoleId: own })
    assert.equal(made.principalType, 'User')
    assert.ok((await client.api(path).get()).value.some(a => a.id === made.id))
    await client.api(`${path}/${made.id}`).delete()
  })
  await step('revoke', async () => {
    const path = `/servicePrincipals/${api.id}/appRoleAssignments`
    await client.api(`${path}/${made.id}`).delete()
    assert.ok(!(await client.api(path).get()).value.some(a => a.id === made.id))
  })
}

async function grants (step, client, api, graph) {
  const path = '/oauth2PermissionGrants'
  const made = await step('grant', async () => {
    const body = { clientId: api.id, consentType: 'AllPrincipals', resourceId: graph.id, scope: 'User.Read' }
    const made = await client.api(path).post(body)
    holds(made, body)
    return made
  })
  await step('update', async () => {
    await client.api(`${path}/${made.id}`).patch({ scope: 'User.Read Group.Read.All' })
    assert.equal((await client.api(`${path}/${made.id}`).get()).scope, 'User.Read Group.Read.All')
  })
  await step('filter', async () => {
    const { value } = await client.api(path).filter(`clientId eq '${api.id}' and consentType eq 'AllPrincipals'`).get()
    assert.deepEqual(value.map(g => g.id), [made.id])
  })
  await step('of the principal', async () => {
    const { value } = await client.api(`/servicePrincipals/${api.id}/oauth2PermissionGrants`).get()
    assert.deepEqual(value.map(g => g.id), [made.id])
  })
  await step('classify a permission', async () => {
    const at = `/servicePrincipals/${graph.id}/delegatedPermissionClassifications`
    const scope = graph.oauth2PermissionScopes.find(s => s.value === 'openid')
    const low = await client.api(at).post({ permissionId: scope.id, permissionName: 'openid', classification: 'low' })
    assert.ok((await client.api(at).get()).value.some(c => c.id === low.id && c.classification === 'low'))
    await client.api(`${at}/${low.id}`).delete()
  })
  await step('revoke', async () => {
    await client.api(`${path}/${made.id}`).delete()
    await refused(client.api(`${path}/${made.id}`).get(), 404)
  })
}

module.exports = { applications, principals }
