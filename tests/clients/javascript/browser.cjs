// A person with a browser: sign-in with PKCE and a second factor, consent of an administrator, acceptance of GDAP.
'use strict'
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { execFileSync } = require('node:child_process')
const { chromium } = require('playwright-core')
const tap = require('./tap.cjs')
const cloud = require('./cloud.cjs')
const { assert } = require('./expect.cjs')

const SECURITY_READER = '5d6b6bb7-de71-4623-b4af-96380a352509'
// Nothing but the sandbox is to be spoken to.
const ALONE = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage']

function find () {
  if (process.env.CHROMIUM) return process.env.CHROMIUM
  for (const name of ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']) {
    try {
      return execFileSync('which', [name], { encoding: 'utf8' }).trim()
    } catch {}
  }
  throw new Error('there is no Chromium: run `make clients`')
}

/** Runs with a page of a browser that has no history. */
async function withPage (run) {
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'clients-browser-'))
  // Chromium trusts its own list only; that the CA is right, the other programs show.
  const options = { executablePath: find(), args: ALONE, ignoreHTTPSErrors: true, env: { ...process.env, HOME: profile } }
  const context = await chromium.launchPersistentContext(profile, options)
  try {
    const page = await context.newPage()
    page.setDefaultTimeout(15_000)
    return await run(page)
  } finally {
    await context.close()
    fs.rmSync(profile, { recursive: true, force: true })
  }
}

/** Chooses the account, and enters the number that the persona's authenticator shows. */
async function signIn (page, account) {
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await page.getByRole('button', { name: account }).click()
  const number = page.getByLabel('Number')
  if (await number.count()) {
    await number.fill(await page.locator('#displaySign').innerText())
    await page.getByRole('button', { name: 'Approve' }).click()
  }
}

async function register (client, more) {
  return await client.api('/applications').post({ displayName: 'In a browser', signInAudience: 'AzureADMultipleOrgs', ...more })
}

async function pkce (client) {
  const step = tap.area('sign-in in a browser')
  const app = await step('register a public client', () => register(client, { publicClient: { redirectUris: ['http://localhost'] } }))
  await step('PKCE, second factor, consent', () => withPage(async page => {
    const answer = await cloud.publicClient(app.appId).acquireTokenInteractive({
      scopes: ['https://graph.microsoft.com/User.Read'],
      openBrowser: async url => {
        walk(page, url).catch(error => console.error(error))
      },
      successTemplate: '<h1>Signed in</h1>',
      errorTemplate: '<h1>Failed</h1>'
    })
    assert.equal(answer.account.username, 'ada@lakeside.example')
    const me = cloud.graph(async () => answer.accessToken)
    assert.equal((await me.api('/me').get()).displayName, 'Ada Admin')
    const claims = JSON.parse(Buffer.from(answer.accessToken.split('.')[1], 'base64url'))
    assert.ok(claims.amr.includes('mfa'), `${claims.amr}`)
  }))
  async function walk (page, url) {
    await page.goto(url)
    await signIn(page, 'ada@lakeside.example')
    await page.getByRole('heading', { name: 'Permissions requested' }).waitFor()
    assert.match(await page.locator('main').innerText(), /User\.Read/)
    await page.getByRole('button', { name: 'Accept' }).click()
  }
}

async function adminConsent (client) {
  const step = tap.area('admin consent in a browser')
  const redirect = `${cloud.url}/common/oauth2/nativeclient`
  const app = await step('register an app', () => register(client, { web: { redirectUris: [redirect] } }))
  const url = `${cloud.url}/${cloud.tenant}/v2.0/adminconsent?client_id=${app.appId}&redirect_uri=${encodeURIComponent(redirect)}&state=42&scope=${encodeURIComponent('https://graph.microsoft.com/Group.Read.All')}`
  await step('the list of permissions, and Accept', () => withPage(async page => {
    await page.goto(url)
    await signIn(page, 'ada@lakeside.example')
    await page.getByRole('heading', { name: 'Permissions requested' }).waitFor()
    const items = await page.getByRole('listitem').allInnerTexts()
    assert.ok(items.some(item => item.includes('Group.Read.All')), `${items}`)
    await page.getByRole('button', { name: 'Accept' }).click()
    await page.waitForURL(at => at.searchParams.has('admin_consent'), { waitUntil: 'commit' })
    const said = new URL(page.url()).searchParams
    assert.deepEqual([said.get('admin_consent'), said.get('tenant'), said.get('state')], ['True', cloud.tenant, '42'])
  }))
  await step('the grant is there', async () => {
    const { value: [principal] } = await client.api('/servicePrincipals').filter(`appId eq '${app.appId}'`).get()
    const { value: [grant] } = await client.api(`/servicePrincipals/${principal.id}/oauth2PermissionGrants`).get()
    assert.equal(grant.consentType, 'AllPrincipals')
    assert.ok(grant.scope.split(' ').includes('Group.Read.All'))
  })
  await step('who is no administrator may not', () => withPage(async page => {
    await page.goto(url)
    await signIn(page, 'ben@lakeside.example')
    await page.getByRole('heading', { name: 'Need admin approval' }).waitFor()
  }))
}

async function gdap (client) {
  const step = tap.area('GDAP in a browser')
  const all = '/tenantRelationships/delegatedAdminRelationships'
  const one = await step('invite', async () => {
    await client.api('/servicePrincipals').post({ appId: '2832473f-ec63-45fb-976f-5d45a7d4bb91' })
    const made = await client.api(all).post({ displayName: 'Clicked', duration: 'P365D', customer: { tenantId: process.env.SANDBOX_CUSTOMER }, accessDetails: { unifiedRoles: [{ roleDefinitionId: SECURITY_READER }] } })
    await client.api(`${all}/${made.id}/requests`).post({ action: 'lockForApproval' })
    return made
  })
  await step('the roles, and Approve', () => withPage(async page => {
    await page.goto(`${cloud.url}/AdminPortal/Home#/partners/invitation/granularAdminRelationships/${one.id}`)
    await signIn(page, 'admin@contoso.com')
    await page.getByRole('heading', { name: 'Approve partner roles' }).waitFor()
    assert.deepEqual(await page.getByRole('listitem').allInnerTexts(), ['Security Reader'])
    assert.match(await page.locator('main').innerText(), /Lakeside Lab/)
    await page.getByRole('button', { name: 'Approve' }).click()
    await page.getByRole('heading', { name: 'Roles approved' }).waitFor()
  }))
  await step('the relationship is active', async () => assert.equal((await client.api(`${all}/${one.id}`).get()).status, 'active'))
}

async function main () {
  const app = cloud.withSecret()
  const client = cloud.graph(async () => (await app.acquireTokenByClientCredential({ scopes: [cloud.GRAPH] })).accessToken)
  await pkce(client)
  await adminConsent(client)
  await gdap(client)
  tap.end()
}

main().catch(error => {
  console.log(`not ok 0 the program: ${error.stack}`)
  process.exitCode = 1
})
