// Lines that tell what was tried: `ok 12 applications: list pages`, or `not ok …` with the reason.
'use strict'

let count = 0
let failed = 0

function line (good, area, what, why) {
  count += 1
  if (!good) failed += 1
  const reason = why ? ` # ${String(why).replace(/\s+/g, ' ').slice(0, 600)}` : ''
  console.log(`${good ? 'ok' : 'not ok'} ${count} ${area}: ${what}${reason}`)
}

/** A group of steps about one thing. A step that fails is told, and the next one is tried. */
function area (name) {
  return async (what, run) => {
    try {
      const made = await run()
      line(true, name, what)
      return made
    } catch (error) {
      const code = [error.statusCode, error.code].filter(Boolean).join(' ')
      line(false, name, what, `${code} ${error.message || error.errorMessage || error}`)
      return undefined
    }
  }
}

/** The last line: how many there were. */
function end () {
  console.log(`1..${count}`)
  process.exitCode = failed === 0 ? 0 : 1
}

module.exports = { area, end }
