// A person at the sign-in pages without a browser: follows redirects with cookies, and fills in the forms it is given.
'use strict'

const attribute = (tag, name) => {
  const found = new RegExp(`\\b${name}\\s*=\\s*"([^"]*)"`).exec(tag) || new RegExp(`\\b${name}\\s*=\\s*'([^']*)'`).exec(tag)
  return found && found[1].replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&lt;', '<').replaceAll('&amp;', '&')
}

/** The forms of a page: where they go, what is in them, and their buttons. */
function forms (html) {
  return [...html.matchAll(/<form\b[^>]*>([\s\S]*?)<\/form>/g)].map(([whole, inside]) => {
    const head = whole.slice(0, whole.indexOf('>') + 1)
    const fields = new Map()
    for (const [tag] of inside.matchAll(/<input\b[^>]*>/g)) {
      const name = attribute(tag, 'name')
      if (name && !['submit', 'radio', 'checkbox'].includes(attribute(tag, 'type'))) fields.set(name, attribute(tag, 'value') ?? '')
    }
    const buttons = [...inside.matchAll(/<button\b([^>]*)>([\s\S]*?)<\/button>/g)].map(([, tag, text]) => ({ name: attribute(tag, 'name'), value: attribute(tag, 'value'), text: text.replace(/<[^>]*>/g, '').trim() }))
    return { action: attribute(head, 'action'), method: (attribute(head, 'method') || 'get').toLowerCase(), fields, buttons }
  })
}

/** Goes from page to page: enters what is known, takes the persona's button, says yes. Ends where no form is left. */
async function walk (start, { code, account, password }) {
  const cookies = new Map()
  let at = new URL(start)
  let request = { method: 'GET' }
  for (let i = 0; i < 15; i++) {
    const headers = { cookie: [...cookies].map(([k, v]) => `${k}=${v}`).join('; '), accept: 'text/html', ...request.headers }
    const answer = await fetch(at, { ...request, headers, redirect: 'manual' })
    for (const line of answer.headers.getSetCookie()) {
      const [pair] = line.split(';')
      cookies.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1))
    }
    if (answer.status >= 300 && answer.status < 400) {
      const next = new URL(answer.headers.get('location'), at)
      if (next.origin !== at.origin) return next
      ;[at, request] = [next, { method: 'GET' }]
      continue
    }
    const html = await answer.text()
    if (answer.status >= 400) throw new Error(`${answer.status} at ${at.pathname}: ${html.replace(/<[^>]*>/g, ' ').slice(0, 300)}`)
    // What the persona's authenticator shows, the page shows too.
    const [, shown] = /id="displaySign">(\d+)</.exec(html) || []
    const next = choose(forms(html), { code, account, password, shown })
    if (!next) return html
    const body = new URLSearchParams([...next.fields])
    at = new URL(next.action || at.href, at)
    if (next.method === 'get') {
      at.search = body
      request = { method: 'GET' }
    } else {
      request = { method: 'POST', body, headers: { 'content-type': 'application/x-www-form-urlencoded' } }
    }
  }
  throw new Error('the pages do not end')
}

function choose (all, { code, account, password, shown }) {
  const press = (form, button) => {
    if (button?.name) form.fields.set(button.name, button.value ?? '')
    return form
  }
  for (const form of all) {
    const persona = form.buttons.find(b => b.value === account || b.text.includes(account))
    if (persona) return press(form, persona)
  }
  const known = { otc: code, login: account, passwd: password, number: shown }
  for (const form of all) {
    for (const [name, value] of Object.entries(known)) {
      if (form.fields.has(name) && value) form.fields.set(name, value)
    }
    const yes = form.buttons.find(b => /accept|continue|next|sign in|approve|yes|confirm|verify|i signed in/i.test(b.text) && !/cancel|decline/i.test(b.text))
    if (yes) return press(form, yes)
  }
  return undefined
}

module.exports = { forms, walk }
