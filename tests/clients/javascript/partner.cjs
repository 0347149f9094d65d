// GDAP with the customer who accepts, and what a signed-in person may do.
'use strict'
const { assert, holds, refused } = require('./expect.cjs')
const cloud = require('./cloud.cjs')
const { delegated } = require('./signin.cjs')

const SERVICE = '2832473f-ec63-45fb-976f-5d45a7d4bb91'
const SECURITY_READER = '5d6b6bb7-de71-4623-b4af-96380a352509'
const roles = { unifiedRoles: [{ roleDefinitionId: SECURITY_READER }] }

async function partner (area, client) {
  const step = area('GDAP')
  const all = '/tenantRelationships/delegatedAdminRelationships'
  await step('the service’s principal', async () => client.api('/servicePrincipals').post({ appId: SERVICE }))
  const one = await step('create', async () => {
    const body = { displayName: 'Lakeside-Contoso', duration: 'P730D', customer: { tenantId: process.env.SANDBOX_CUSTOMER, displayName: 'Contoso' }, accessDetails: roles, autoExtendDuration: 'P180D' }
    const made = await client.api(all).post(body)
    holds(made, { displayName: body.displayName, duration: body.duration, accessDetails: roles, status: 'created' })
    assert.ok(made['@odata.etag'])
    return made
  })
  const at = `${all}/${one.id}`
  await step('a change needs the etag', async () => {
    await refused(client.api(at).header('If-Match', 'W/"stale"').patch({ displayName: 'x' }), 412)
    await client.api(at).header('If-Match', one['@odata.etag']).patch({ displayName: 'Lakeside-Contoso 2' })
    assert.equal((await client.api(at).get()).displayName, 'Lakeside-Contoso 2')
  })
  await step('lock for approval', async () => {
    const request = await client.api(`${at}/requests`).post({ action: 'lockForApproval' })
    assert.equal(request.action, 'lockForApproval')
    assert.equal((await client.api(at).get()).status, 'approvalPending')
  })
  await step('the customer accepts', async () => {
    const answer = await fetch(`${cloud.url}/_sandbox/approve`, { method: 'POST', body: JSON.stringify({ relationship: one.id }) })
    assert.equal(answer.status, 200)
    const active = await client.api(at).get()
    assert.equal(active.status, 'active')
    assert.ok(active.activatedDateTime && active.endDateTime)
  })
  await step('assign roles to a group', async () => {
    const group = await client.api('/groups').post({ displayName: 'GDAP readers', mailEnabled: false, mailNickname: 'gdap', securityEnabled: true })
    const made = await client.api(`${at}/accessAssignments`).post({ accessContainer: { accessContainerId: group.id, accessContainerType: 'securityGroup' }, accessDetails: roles })
    assert.ok(['pending', 'active'].includes(made.status))
    const { value } = await client.api(`${at}/accessAssignments`).get()
    assert.deepEqual(value.map(a => [a.id, a.status]), [[made.id, 'active']])
    await client.api(`${at}/accessAssignments/${made.id}`).header('If-Match', value[0]['@odata.etag']).delete()
  })
  await step('customers and contracts', async () => {
    const { value } = await client.api('/tenantRelationships/delegatedAdminCustomers').get()
    assert.ok(value.some(c => c.tenantId === process.env.SANDBOX_CUSTOMER && c.displayName === 'Contoso'))
    assert.ok((await client.api('/contracts').get()).value.some(c => c.customerId === process.env.SANDBOX_CUSTOMER))
    const found = await client.api(`/tenantRelationships/findTenantInformationByDomainName(domainName='contoso.com')`).get()
    assert.equal(found.tenantId, process.env.SANDBOX_CUSTOMER)
  })
  await step('terminate', async () => {
    await client.api(`${at}/requests`).post({ action: 'terminate' })
    assert.match((await client.api(at).get()).status, /^terminat/)
  })
}

/** Plays the person at the device page: forms and buttons, as a browser without scripts. */
async function enter ({ verificationUri, userCode }) {
  await require('./pages.cjs').walk(verificationUri, { code: userCode, account: 'ada@lakeside.example' })
}

async function persona (area, client) {
  const scopes = ['User.Read', 'Group.ReadWrite.All', 'Directory.Read.All']
  const signedIn = await delegated(area, client, scopes, enter)
  const step = area('a signed-in person')
  const me = cloud.graph(async () => signedIn.token)
  await step('me', async () => assert.equal((await me.api('/me').get()).userPrincipalName, 'ada@lakeside.example'))
  await step('my memberships', async () => {
    const { value } = await me.api('/me/memberOf').get()
    assert.ok(value.some(m => m.displayName === 'AdminAgents'))
    assert.ok(value.some(m => m['@odata.type'] === '#microsoft.graph.directoryRole'))
  })
  await step('a group with the scope for it', async () => {
    const made = await me.api('/groups').post({ displayName: 'By a person', mailEnabled: false, mailNickname: 'person', securityEnabled: true })
    const owners = (await me.api(`/groups/${made.id}/owners`).get()).value
    assert.ok(owners.length <= 1)
    await me.api(`/groups/${made.id}`).delete()
  })
  await step('no application without the scope for it', async () => refused(me.api('/applications').post({ displayName: 'x' }), 403, 'Authorization_RequestDenied'))
  await step('an app has no me', async () => refused(client.api('/me').get(), 400))
}

module.exports = { partner, persona }
