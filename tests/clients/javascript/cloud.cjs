// Where the cloud is and how to sign in to it: the only lines that differ from a program for Microsoft's own.
'use strict'
const fs = require('node:fs')
const crypto = require('node:crypto')
const msal = require('@azure/msal-node')
const { Client } = require('@microsoft/microsoft-graph-client')

const need = name => process.env[name] || (() => { throw new Error(`${name} is not set`) })()
const url = need('SANDBOX_URL')
const tenant = need('SANDBOX_TENANT')
const clientId = need('SANDBOX_CLIENT_ID')
const clientSecret = need('SANDBOX_CLIENT_SECRET')
const pem = fs.readFileSync(need('SANDBOX_CERTIFICATE'), 'utf8')
const { host, hostname } = new URL(url)

const GRAPH = 'https://graph.microsoft.com/.default'
const authority = (of = tenant) => ({ authority: `${url}/${of}`, knownAuthorities: [host] })

function withSecret (of) {
  return new msal.ConfidentialClientApplication({ auth: { clientId, clientSecret, ...authority(of) } })
}

function withCertificate () {
  const key = pem.slice(pem.indexOf('-----BEGIN PRIVATE KEY'))
  const certificate = pem.slice(0, pem.indexOf('-----BEGIN PRIVATE KEY'))
  const thumbprintSha256 = new crypto.X509Certificate(certificate).fingerprint256.replaceAll(':', '')
  return new msal.ConfidentialClientApplication({
    auth: { clientId, clientCertificate: { thumbprintSha256, privateKey: key }, ...authority() }
  })
}

function publicClient (clientId) {
  return new msal.PublicClientApplication({ auth: { clientId, ...authority() } })
}

/** A Graph client that asks `token` for its tokens. */
function graph (token, defaultVersion = 'v1.0') {
  return Client.initWithMiddleware({
    baseUrl: `${url}/`,
    defaultVersion,
    customHosts: new Set([hostname]),
    authProvider: { getAccessToken: token }
  })
}

module.exports = { GRAPH, graph, publicClient, tenant, clientId, clientSecret, url, host, authority, withCertificate, withSecret }
