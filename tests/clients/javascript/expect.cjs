// What the programs expect of an answer, and what most of them do with a collection.
'use strict'
const assert = require('node:assert/strict')
const { PageIterator } = require('@microsoft/microsoft-graph-client')

/** The call is refused with this status and, when given, this code. */
async function refused (call, status, code) {
  let answer
  try {
    answer = await call
  } catch (error) {
    assert.equal(error.statusCode, status, `${error.statusCode} ${error.code} ${error.message}`)
    if (code) assert.equal(error.code, code)
    return error
  }
  throw new Error(`it was answered: ${JSON.stringify(answer).slice(0, 200)}`)
}

/** Ids of all pages, and on how many pages they came. */
async function pages (client, request) {
  const ids = []
  const first = await request.get()
  let count = 1
  let at = first
  while (at['@odata.nextLink']) {
    at = await client.api(at['@odata.nextLink']).get()
    count += 1
  }
  const iterator = new PageIterator(client, first, item => { ids.push(item.id); return true })
  await iterator.iterate()
  return { ids, count }
}

/** Every property that was asked for is in the answer as it was asked for. */
function holds (answer, asked) {
  for (const [name, value] of Object.entries(asked)) {
    if (name.includes('@odata.')) continue
    if (value && typeof value === 'object') {
      if (Array.isArray(value)) assert.equal(answer[name]?.length, value.length, name)
      holds(answer[name] ?? {}, value)
    } else assert.deepEqual(answer[name], value, `${name}: ${JSON.stringify(answer[name])}`)
  }
}

/** Create, read, list, update and delete of an entity of a collection; answers the created one. */
async function lifecycle (step, client, path, { body, change, filter, keep = false, status = 404 }) {
  const made = await step(`create in ${path}`, async () => {
    const made = await client.api(path).post(body)
    assert.ok(made.id, JSON.stringify(made))
    holds(made, body)
    return made
  })
  if (!made) return undefined
  const at = `${path}/${made.id}`
  await step(`read one of ${path}`, async () => holds(await client.api(at).get(), body))
  await step(`list ${path}`, async () => {
    const list = await client.api(path).get()
    assert.ok(list.value.some(item => item.id === made.id))
    assert.ok(list['@odata.context'])
  })
  if (filter) {
    await step(`filter ${path}`, async () => {
      const list = await client.api(path).filter(filter).get()
      assert.deepEqual(list.value.map(item => item.id), [made.id])
    })
  }
  if (change) {
    await step(`update one of ${path}`, async () => {
      await client.api(at).patch(change)
      holds(await client.api(at).get(), change)
    })
  }
  if (!keep) await step(`delete one of ${path}`, async () => gone(client, at, status))
  return made
}

async function gone (client, at, status = 404) {
  await client.api(at).delete()
  await refused(client.api(at).get(), status)
}

module.exports = { assert, gone, holds, lifecycle, pages, refused }
