// A program for Microsoft Graph with MSAL and Microsoft's JavaScript client, pointed at the sandbox.
'use strict'
const tap = require('./tap.cjs')
const cloud = require('./cloud.cjs')
const { signIn } = require('./signin.cjs')
const { applications, principals } = require('./applications.cjs')
const { people } = require('./people.cjs')
const { tenant } = require('./tenant.cjs')
const { partner, persona } = require('./partner.cjs')

async function main () {
  const app = cloud.withSecret()
  const client = cloud.graph(async () => (await app.acquireTokenByClientCredential({ scopes: [cloud.GRAPH] })).accessToken)
  await signIn(tap.area)
  for (const run of [applications, principals, people, tenant, partner, persona]) {
    try {
      await run(tap.area, client)
    } catch (error) {
      console.log(`not ok 0 ${run.name} was left: ${error.stack}`)
    }
  }
  tap.end()
}

main().catch(error => {
  console.log(`not ok 0 the program: ${error.stack}`)
  process.exitCode = 1
})
