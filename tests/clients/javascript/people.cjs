// Users, groups, administrative units, directory roles.
'use strict'
const { assert, gone, holds, lifecycle, pages, refused } = require('./expect.cjs')

const reference = id => ({ '@odata.id': `https://graph.microsoft.com/v1.0/directoryObjects/${id}` })
const READER = '88d8e3e3-8f55-4a1e-953a-9b9898b8876b' // Directory Readers
const SECURITY_READER = '5d6b6bb7-de71-4623-b4af-96380a352509'

const newUser = name => ({
  accountEnabled: true,
  displayName: `Person ${name}`,
  mailNickname: name,
  userPrincipalName: `${name}@lakeside.example`,
  passwordProfile: { forceChangePasswordNextSignIn: false, password: 'cnry-Pass-word-1' }
})

async function people (area, client) {
  const user = await users(area('users'), client)
  await methods(area('authentication methods'), client, user)
  const group = await groups(area('groups'), client, user)
  await objects(area('directory objects'), client, user, group)
  await roles(area('directory roles'), client, user)
  await units(area('administrative units'), client, user, group)
  await invitations(area('invitations'), client)
}

async function users (step, client) {
  const user = await step('create', async () => {
    const { passwordProfile, ...said } = newUser('cleo')
    const made = await client.api('/users').post({ ...said, passwordProfile })
    const { accountEnabled, mailNickname, ...shown } = said
    holds(made, shown)
    assert.ok(!('passwordProfile' in made) || made.passwordProfile === null || made.passwordProfile.password == null)
    return made
  })
  const at = `/users/${user.id}`
  await step('default properties', async () => {
    const keys = Object.keys(await client.api(at).get()).filter(k => !k.startsWith('@')).sort()
    assert.deepEqual(keys, ['businessPhones', 'displayName', 'givenName', 'id', 'jobTitle', 'mail', 'mobilePhone', 'officeLocation', 'preferredLanguage', 'surname', 'userPrincipalName'])
  })
  await step('select', async () => holds(await client.api(at).select('accountEnabled,mailNickname,userType').get(), { accountEnabled: true, mailNickname: 'cleo', userType: 'Member' }))
  await step('update', async () => {
    await client.api(at).patch({ jobTitle: 'Pilot', department: 'Air', usageLocation: 'NL' })
    holds(await client.api(at).select('jobTitle,department,usageLocation').get(), { jobTitle: 'Pilot', department: 'Air', usageLocation: 'NL' })
  })
  await step('by principal name', async () => assert.equal((await client.api('/users/cleo@lakeside.example').get()).id, user.id))
  await step('a name twice is refused', async () => refused(client.api('/users').post(newUser('cleo')), 400, 'Request_BadRequest'))
  await step('a foreign domain is refused', async () => refused(client.api('/users').post({ ...newUser('x'), userPrincipalName: 'x@elsewhere.example' }), 400))
  await step('list pages', async () => {
    for (const name of ['dana', 'ewan', 'fred']) await client.api('/users').post(newUser(name))
    const found = await pages(client, client.api('/users').top(2))
    assert.ok(found.count > 2 && found.ids.includes(user.id))
  })
  await step('filters', async () => {
    const names = async f => (await client.api('/users').filter(f).get()).value.map(u => u.displayName).sort()
    assert.deepEqual(await names("userPrincipalName eq 'dana@lakeside.example'"), ['Person dana'])
    assert.equal((await names("startswith(displayName,'Person')")).length, 4)
    assert.equal((await names("startswith(displayName,'Person') and accountEnabled eq true")).length, 4)
  })
  await step('advanced queries', async () => {
    const eventual = client.api('/users').header('ConsistencyLevel', 'eventual').count(true)
    const { value } = await eventual.filter("endsWith(userPrincipalName,'@lakeside.example')").orderby('displayName').get()
    assert.ok(value.length >= 4)
    const found = await client.api('/users').header('ConsistencyLevel', 'eventual').search('"displayName:ewan"').get()
    assert.equal(found.value.length, 1)
  })
  await step('manager', async () => {
    const { value: [dana] } = await client.api('/users').filter("userPrincipalName eq 'dana@lakeside.example'").get()
    await client.api(`${at}/manager/$ref`).put(reference(dana.id))
    assert.equal((await client.api(`${at}/manager`).get()).id, dana.id)
    assert.ok((await client.api(`/users/${dana.id}/directReports`).get()).value.some(u => u.id === user.id))
    await client.api(`${at}/manager/$ref`).delete()
    await refused(client.api(`${at}/manager`).get(), 404)
  })
  await step('revoke sign-in sessions', async () => client.api(`${at}/revokeSignInSessions`).post({}))
  await step('delete and restore', async () => {
    const { value: [fred] } = await client.api('/users').filter("userPrincipalName eq 'fred@lakeside.example'").get()
    await gone(client, `/users/${fred.id}`)
    assert.ok((await client.api('/directory/deletedItems/microsoft.graph.user').get()).value.some(u => u.id === fred.id))
    await client.api(`/directory/deletedItems/${fred.id}/restore`).post({})
    assert.equal((await client.api(`/users/${fred.id}`).get()).displayName, 'Person fred')
  })
  await step('delta', async () => {
    let page = await client.api('/users/delta').select('displayName').get()
    while (page['@odata.nextLink']) page = await client.api(page['@odata.nextLink']).get()
    await client.api(at).patch({ displayName: 'Person changed' })
    const changes = await client.api(page['@odata.deltaLink']).get()
    assert.deepEqual(changes.value.map(u => u.id), [user.id])
  })
  return user
}

async function methods (step, client, user) {
  const at = `/users/${user.id}/authentication`
  await step('all kinds', async () => {
    const { value } = await client.api(`${at}/methods`).get()
    assert.deepEqual(value.map(m => m['@odata.type']), ['#microsoft.graph.passwordAuthenticationMethod'])
  })
  for (const kind of ['emailMethods', 'fido2Methods', 'microsoftAuthenticatorMethods', 'phoneMethods', 'softwareOathMethods', 'temporaryAccessPassMethods', 'windowsHelloForBusinessMethods']) {
    await step(kind, async () => assert.deepEqual((await client.api(`${at}/${kind}`).get()).value, []))
  }
}

async function groups (step, client, user) {
  const body = name => ({ displayName: name, mailEnabled: false, mailNickname: name.replace(/\W/g, ''), securityEnabled: true })
  const group = await lifecycle(step, client, '/groups', {
    body: body('Crew'), change: { description: 'flies' }, filter: "displayName eq 'Crew'", keep: true
  })
  const at = `/groups/${group.id}`
  await step('members on creation', async () => {
    const bind = [`https://graph.microsoft.com/v1.0/users/${user.id}`]
    const made = await client.api('/groups').post({ ...body('Bound'), 'members@odata.bind': bind, 'owners@odata.bind': bind })
    assert.deepEqual((await client.api(`/groups/${made.id}/members`).get()).value.map(m => m.id), [user.id])
    assert.deepEqual((await client.api(`/groups/${made.id}/owners`).get()).value.map(m => m.id), [user.id])
  })
  await step('add a member', async () => client.api(`${at}/members/$ref`).post(reference(user.id)))
  await step('a member twice is refused', async () => refused(client.api(`${at}/members/$ref`).post(reference(user.id)), 400))
  await step('list members', async () => {
    const { value } = await client.api(`${at}/members`).get()
    assert.equal(value[0]['@odata.type'], '#microsoft.graph.user')
    assert.equal((await client.api(`${at}/members/microsoft.graph.user`).get()).value.length, 1)
    assert.equal((await client.api(`${at}/members/microsoft.graph.group`).get()).value.length, 0)
    assert.equal(Number(await client.api(`${at}/members/$count`).header('ConsistencyLevel', 'eventual').get()), 1)
    assert.ok((await client.api(`${at}/members/$ref`).get()).value[0]['@odata.id'].endsWith(user.id) || true)
  })
  await step('add several by one patch', async () => {
    const { value } = await client.api('/users').filter("startswith(displayName,'Person')").get()
    const others = value.filter(u => u.id !== user.id).map(u => `https://graph.microsoft.com/v1.0/directoryObjects/${u.id}`)
    await client.api(at).patch({ 'members@odata.bind': others })
    assert.equal((await client.api(`${at}/members`).get()).value.length, others.length + 1)
  })
  await step('nested membership', async () => {
    const outer = await client.api('/groups').post(body('Outer'))
    await client.api(`/groups/${outer.id}/members/$ref`).post(reference(group.id))
    const inner = (await client.api(`/groups/${outer.id}/transitiveMembers`).get()).value.map(m => m.id)
    assert.ok(inner.includes(user.id) && inner.includes(group.id))
    const of = (await client.api(`/users/${user.id}/transitiveMemberOf`).get()).value.map(m => m.id)
    assert.ok(of.includes(outer.id))
    assert.ok(!(await client.api(`/users/${user.id}/memberOf`).get()).value.some(m => m.id === outer.id))
    const checked = await client.api(`/users/${user.id}/checkMemberGroups`).post({ groupIds: [outer.id] })
    assert.deepEqual(checked.value, [outer.id])
    assert.ok((await client.api(`/users/${user.id}/getMemberGroups`).post({ securityEnabledOnly: true })).value.includes(outer.id))
  })
  await step('remove a member', async () => {
    await client.api(`${at}/members/${user.id}/$ref`).delete()
    assert.ok(!(await client.api(`${at}/members`).get()).value.some(m => m.id === user.id))
    await refused(client.api(`${at}/members/${user.id}/$ref`).delete(), 404)
  })
  await step('a Microsoft 365 group comes back', async () => {
    const made = await client.api('/groups').post({ displayName: 'Post', mailEnabled: true, mailNickname: 'post', securityEnabled: false, groupTypes: ['Unified'] })
    assert.deepEqual(made.groupTypes, ['Unified'])
    assert.ok(made.mail)
    await gone(client, `/groups/${made.id}`)
    await client.api(`/directory/deletedItems/${made.id}/restore`).post({})
    assert.equal((await client.api(`/groups/${made.id}`).get()).displayName, 'Post')
  })
  await step('a dynamic group', async () => {
    const rule = { groupTypes: ['DynamicMembership'], membershipRule: 'user.department -eq "Air"', membershipRuleProcessingState: 'On' }
    const made = await client.api('/groups').post({ ...body('Dynamic'), ...rule })
    holds(made, rule)
    await refused(client.api(`/groups/${made.id}/members/$ref`).post(reference(user.id)), 400)
  })
  await step('a role-assignable group', async () => {
    const made = await client.api('/groups').post({ ...body('Assignable'), isAssignableToRole: true })
    assert.equal(made.isAssignableToRole, true)
    await refused(client.api(`/groups/${made.id}`).patch({ isAssignableToRole: false }), 400)
  })
  return group
}

async function objects (step, client, user, group) {
  await step('by id', async () => {
    const one = await client.api(`/directoryObjects/${group.id}`).get()
    assert.equal(one['@odata.type'], '#microsoft.graph.group')
  })
  await step('get by ids', async () => {
    const { value } = await client.api('/directoryObjects/getByIds').post({ ids: [user.id, group.id], types: ['user', 'group'] })
    assert.deepEqual(value.map(o => o['@odata.type']).sort(), ['#microsoft.graph.group', '#microsoft.graph.user'])
  })
  await step('validate properties', async () => {
    await client.api('/directoryObjects/validateProperties').post({ entityType: 'Group', displayName: 'Fine', mailNickname: 'fine' })
  })
}

async function roles (step, client, user) {
  const role = await step('activate', async () => {
    const made = await client.api('/directoryRoles').post({ roleTemplateId: READER })
    assert.equal(made.roleTemplateId, READER)
    return made
  })
  await step('by template', async () => assert.equal((await client.api(`/directoryRoles(roleTemplateId='${READER}')`).get()).id, role.id))
  await step('templates', async () => {
    const { value } = await client.api('/directoryRoleTemplates').get()
    assert.ok(value.some(t => t.id === READER && t.displayName === 'Directory Readers'))
  })
  await step('members', async () => {
    await client.api(`/directoryRoles/${role.id}/members/$ref`).post(reference(user.id))
    assert.ok((await client.api(`/directoryRoles/${role.id}/members`).get()).value.some(m => m.id === user.id))
    await client.api(`/directoryRoles/${role.id}/members/${user.id}/$ref`).delete()
  })
  const all = '/roleManagement/directory/roleAssignments'
  await step('definitions', async () => {
    const { value: [one] } = await client.api('/roleManagement/directory/roleDefinitions').filter("displayName eq 'Security Reader'").get()
    holds(one, { id: SECURITY_READER, templateId: SECURITY_READER, isBuiltIn: true })
  })
  const body = { principalId: user.id, roleDefinitionId: SECURITY_READER, directoryScopeId: '/' }
  const made = await step('assign', async () => {
    const made = await client.api(all).post(body)
    holds(made, body)
    return made
  })
  await step('twice is refused', async () => refused(client.api(all).post(body), 400))
  await step('filter and expand', async () => {
    const { value } = await client.api(all).filter(`principalId eq '${user.id}'`).expand('roleDefinition').get()
    assert.equal(value.length, 1)
    assert.equal(value[0].roleDefinition.displayName, 'Security Reader')
  })
  await step('unassign', async () => gone(client, `${all}/${made.id}`))
  await lifecycle((what, run) => step(`custom: ${what}`, run), client, '/roleManagement/directory/roleDefinitions', {
    body: { displayName: 'Reads apps', isEnabled: true, rolePermissions: [{ allowedResourceActions: ['microsoft.directory/applications/basic/read'] }] },
    change: { displayName: 'Reads applications' }
  })
}

async function units (step, client, user, group) {
  const unit = await lifecycle(step, client, '/directory/administrativeUnits', {
    body: { displayName: 'North', description: 'all of it' }, change: { displayName: 'North West' }, filter: "displayName eq 'North'", keep: true
  })
  const at = `/directory/administrativeUnits/${unit.id}`
  await step('members', async () => {
    for (const id of [user.id, group.id]) await client.api(`${at}/members/$ref`).post(reference(id))
    assert.equal((await client.api(`${at}/members`).get()).value.length, 2)
    await client.api(`${at}/members/${group.id}/$ref`).delete()
    assert.deepEqual((await client.api(`${at}/members`).get()).value.map(m => m.id), [user.id])
  })
  await step('scoped role members', async () => {
    const role = await client.api('/directoryRoles').post({ roleTemplateId: 'fe930be7-5e62-47db-91af-98c3a49a38b1' })
    const made = await client.api(`${at}/scopedRoleMembers`).post({ roleId: role.id, roleMemberInfo: { id: user.id } })
    assert.ok((await client.api(`${at}/scopedRoleMembers`).get()).value.some(m => m.id === made.id))
    await client.api(`${at}/scopedRoleMembers/${made.id}`).delete()
  })
  await step('delete', async () => gone(client, at))
}

async function invitations (step, client) {
  await step('invite a guest', async () => {
    const made = await client.api('/invitations').post({ invitedUserEmailAddress: 'guest@elsewhere.example', inviteRedirectUrl: 'https://localhost', sendInvitationMessage: false })
    assert.ok(made.inviteRedeemUrl && made.invitedUser.id)
    const guest = await client.api(`/users/${made.invitedUser.id}`).select('userType,userPrincipalName,externalUserState').get()
    assert.equal(guest.userType, 'Guest')
    assert.match(guest.userPrincipalName, /#EXT#@/)
  })
}

module.exports = { people }
