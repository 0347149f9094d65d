// What a tenant has once: organisation, domains, licences, policies, conditional access, logs.
'use strict'
const { assert, holds, lifecycle, refused } = require('./expect.cjs')
const cloud = require('./cloud.cjs')

async function tenant (area, client) {
  await organization(area('organization'), client)
  await conditionalAccess(area, client)
  await policies(area('policies'), client)
  await logs(area('audit logs'), client)
}

async function organization (step, client) {
  await step('read', async () => {
    const { value: [one] } = await client.api('/organization').get()
    assert.equal(one.id, cloud.tenant)
    assert.equal(one.displayName, 'Lakeside Lab')
    assert.ok(one.verifiedDomains.some(d => d.name === 'lakeside.example' && d.isDefault))
  })
  await step('update', async () => {
    await client.api(`/organization/${cloud.tenant}`).patch({ technicalNotificationMails: ['ops@lakeside.example'] })
    assert.deepEqual((await client.api(`/organization/${cloud.tenant}`).get()).technicalNotificationMails, ['ops@lakeside.example'])
  })
  await step('domains', async () => {
    const { value } = await client.api('/domains').get()
    assert.ok(value.some(d => d.id === 'lakeside.example' && d.isVerified))
    assert.ok(value.some(d => d.id.endsWith('.onmicrosoft.com') && d.isInitial))
    assert.equal((await client.api('/domains/lakeside.example').get()).authenticationType, 'Managed')
  })
  await step('add a domain', async () => {
    const made = await client.api('/domains').post({ id: 'new.example' })
    assert.equal(made.isVerified, false)
    const { value } = await client.api('/domains/new.example/verificationDnsRecords').get()
    assert.ok(value.some(r => r.recordType === 'Txt' && r.text.startsWith('MS=')))
    await client.api('/domains/new.example').delete()
    await refused(client.api('/domains/new.example').get(), 404)
  })
  await step('subscribed skus', async () => {
    const { value } = await client.api('/subscribedSkus').get()
    assert.ok(value.length > 0 && value.every(s => s.skuId && s.skuPartNumber && s.prepaidUnits && s.servicePlans))
  })
}

async function conditionalAccess (area, client) {
  const at = '/identity/conditionalAccess'
  const place = await lifecycle(area('named locations'), client, `${at}/namedLocations`, {
    body: { '@odata.type': '#microsoft.graph.ipNamedLocation', displayName: 'Office', isTrusted: true, ipRanges: [{ '@odata.type': '#microsoft.graph.iPv4CidrRange', cidrAddress: '203.0.113.0/24' }] },
    change: { '@odata.type': '#microsoft.graph.ipNamedLocation', displayName: 'Head office' },
    keep: true
  })
  await area('named locations')('countries', async () => {
    const body = { '@odata.type': '#microsoft.graph.countryNamedLocation', displayName: 'Home', countriesAndRegions: ['NL', 'DE'], includeUnknownCountriesAndRegions: false }
    const made = await client.api(`${at}/namedLocations`).post(body)
    assert.equal(made['@odata.type'], body['@odata.type'])
    holds(made, body)
    await client.api(`${at}/namedLocations/${made.id}`).delete()
  })
  const policy = {
    displayName: 'MFA for admins',
    state: 'enabledForReportingButNotEnforced',
    conditions: {
      clientAppTypes: ['all'],
      applications: { includeApplications: ['All'] },
      users: { includeRoles: ['62e90394-69f5-4237-9190-012177145e10'] },
      locations: { includeLocations: ['All'], excludeLocations: place ? [place.id] : ['AllTrusted'] }
    },
    grantControls: { operator: 'OR', builtInControls: ['mfa'] }
  }
  const change = { displayName: 'MFA for administrators', state: 'disabled' }
  await lifecycle(area('conditional access'), client, `${at}/policies`, { body: policy, change, filter: "displayName eq 'MFA for admins'" })
  await area('conditional access')('guests of a service provider', async () => {
    const users = { includeUsers: ['All'], excludeGuestsOrExternalUsers: { guestOrExternalUserTypes: 'serviceProvider', externalTenants: { '@odata.type': '#microsoft.graph.conditionalAccessEnumeratedExternalTenants', membershipKind: 'enumerated', members: [cloud.tenant] } } }
    const made = await client.api(`${at}/policies`).post({ ...policy, displayName: 'Block', state: 'disabled', conditions: { ...policy.conditions, users }, grantControls: { operator: 'OR', builtInControls: ['block'] } })
    const said = made.conditions.users.excludeGuestsOrExternalUsers
    assert.equal(said.guestOrExternalUserTypes, 'serviceProvider')
    assert.deepEqual(said.externalTenants.members, [cloud.tenant])
    await client.api(`${at}/policies/${made.id}`).delete()
  })
  await area('conditional access')('an unknown control is refused', async () => refused(client.api(`${at}/policies`).post({ ...policy, grantControls: { operator: 'OR', builtInControls: ['nonsense'] } }), 400))
  await area('conditional access')('authentication strengths', async () => {
    const { value } = await client.api('/policies/authenticationStrengthPolicies').get()
    assert.ok(value.some(p => p.policyType === 'builtIn'))
  })
  if (place) {
    await area('named locations')('delete', async () => {
      // A trusted place is not deleted.
      await client.api(`${at}/namedLocations/${place.id}`).patch({ '@odata.type': '#microsoft.graph.ipNamedLocation', isTrusted: false })
      await client.api(`${at}/namedLocations/${place.id}`).delete()
      await refused(client.api(`${at}/namedLocations/${place.id}`).get(), 404)
    })
  }
}

async function policies (step, client) {
  const single = async (name, path, change) => step(name, async () => {
    assert.ok((await client.api(path).get()).id)
    if (!change) return
    await client.api(path).patch(change)
    holds(await client.api(path).get(), change)
  })
  await single('authorization policy', '/policies/authorizationPolicy', { allowInvitesFrom: 'adminsAndGuestInviters' })
  await single('security defaults', '/policies/identitySecurityDefaultsEnforcementPolicy', { isEnabled: false })
  await single('admin consent requests', '/policies/adminConsentRequestPolicy')
  await single('authentication methods', '/policies/authenticationMethodsPolicy')
  await step('cross-tenant access', async () => {
    const at = '/policies/crossTenantAccessPolicy'
    assert.ok((await client.api(`${at}/default`).get()).isServiceDefault !== undefined)
    const made = await client.api(`${at}/partners`).post({ tenantId: process.env.SANDBOX_CUSTOMER, inboundTrust: { isMfaAccepted: true } })
    assert.equal(made.tenantId, process.env.SANDBOX_CUSTOMER)
    assert.equal((await client.api(`${at}/partners/${made.tenantId}`).get()).inboundTrust.isMfaAccepted, true)
    await client.api(`${at}/partners/${made.tenantId}`).delete()
  })
  await lifecycle(step, client, '/policies/permissionGrantPolicies', {
    body: { id: 'low-impact', displayName: 'Low impact', description: 'only what harms nobody' }, change: { displayName: 'Low' }
  })
  await lifecycle(step, client, '/policies/tokenLifetimePolicies', {
    body: { displayName: 'Short', definition: ['{"TokenLifetimePolicy":{"Version":1,"AccessTokenLifetime":"0:30:00"}}'], isOrganizationDefault: false },
    change: { displayName: 'Shorter' }
  })
  await lifecycle(step, client, '/policies/tokenIssuancePolicies', {
    body: { displayName: 'Tokens', definition: ['{"TokenIssuancePolicy":{"Version":1,"SigningAlgorithm":"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"}}'], isOrganizationDefault: false }
  })
}

async function logs (step, client) {
  await step('directory audits', async () => {
    const { value } = await client.api('/auditLogs/directoryAudits').top(5).get()
    assert.ok(value.length > 0)
    assert.ok(value.every(a => a.activityDisplayName && a.activityDateTime && a.result && a.targetResources))
  })
  await step('of one activity', async () => {
    const { value } = await client.api('/auditLogs/directoryAudits').filter("activityDisplayName eq 'Add application'").get()
    assert.ok(value.length > 0)
  })
  await step('sign-ins', async () => assert.ok(Array.isArray((await client.api('/auditLogs/signIns').top(5).get()).value)))
}

module.exports = { tenant }
