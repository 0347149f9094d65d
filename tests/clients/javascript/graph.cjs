// A program for Microsoft Graph with MSAL and Microsoft's JavaScript client, pointed at the sandbox.
'use strict'
const tap = require('./tap.cjs')
const cloud = require('./cloud.cjs')
const { signIn, delegated } = require('./signin.cjs')
const { applications, principals } = require('./applications.cjs')
const { people } = require('./people.cjs')
const { tenant } = require('./tenant.cjs')
const { partner, persona } = require('./partner.cjs')

async function main () {
  const app = cloud.withSecret()
  const client = cloud.graph(async () => (await app.acquireTokenByClientCredential({ scopes: [cloud.GRAPH] })).accessToken)
  await signIn(tap.area)
  await applications(tap.area, client)
  await principals(tap.area, client)
  await people(tap.area, client)
  await tenant(tap.area, client)
  await partner(tap.area, client)
  await persona(tap.area, client, delegated)
  tap.end()
}

main().catch(error => {
  console.log(`not ok 0 the program: ${error.stack}`)
  process.exitCode = 1
})
