/**
 * The visitor: whether a request comes from a page of this server, at a name by which this server may be reached.
 * @module
 */

import { BulkOptionError } from '@bulkcall/core'
import { check } from '@bulkcall/core/kit'

/** What every machine calls itself. */
const local = ['localhost', '127.0.0.1', '[::1]']

/** Checks the option `allowedHosts`, and gives the names as URLs have them. */
export function readAllowedHosts(allowedHosts: readonly string[]): readonly string[] {
  check('allowedHosts', Array.isArray(allowedHosts), 'a list of host names', allowedHosts)
  return [...allowedHosts].map(each => {
    const below = typeof each === 'string' && each.startsWith('.') ? '.' : ''
    const name = typeof each === 'string' ? nameIn(each.slice(below.length)) : null
    check(
      'each of allowedHosts',
      name !== null && !/:\d+$/.test(each),
      `a host name without scheme and port, such as 'dev.example.com' or '.example.com'`,
      each,
    )
    return below + name!
  })
}

/**
 * Why a request is refused, or `null`. Any website can make a name of its own point to this machine (DNS rebinding), and
 * its pages are then of one origin with this server: only the name that they ask for tells. Where the name is right,
 * `Origin` tells the page of another site, and `Sec-Fetch-Site` does where browsers send it, which is not over plain HTTP.
 * @param allowed the names besides those of this machine
 * @param isEmpty whether nothing recorded is in what is asked for: then a link of another site may lead to it
 */
export function refusalOf(
  request: Request,
  url: URL,
  allowed: readonly string[],
  isEmpty: boolean,
): string | null {
  // Where a program calls the server without a socket there is no such header.
  const host = request.headers.get('host') ?? url.host
  const name = nameIn(host)
  if (name === null || ![...local, ...allowed].some(each => covers(each, name)))
    return `${refused('the host', `localhost, 127.0.0.1, [::1] or one of allowedHosts`, host)}. Is it a name of this server? Then set it: useBulkInspector({ allowedHosts: ['${name ?? 'dev.example.com'}'] })`

  const origin = request.headers.get('origin')
  if (origin !== null && !isOf(origin, host))
    return `${refused('the origin', `that of this page, whose host is '${host}'`, origin)}. What is recorded is for the inspector's own page; there is nothing to set for others`

  const isLink = request.headers.get('sec-fetch-dest') === 'document'
  const site = isEmpty && isLink ? null : request.headers.get('sec-fetch-site')
  if (site !== null && site !== 'same-origin' && site !== 'none')
    return `${refused('sec-fetch-site', 'same-origin or none', site)}. What is recorded is for the inspector's own page; there is nothing to set for others`
  return null
}

/** In the grammar of the errors of options. */
function refused(what: string, bound: string, got: string): string {
  return new BulkOptionError(what, bound, got).message
}

/** The name of a host, as URLs have it; `null` if it is none. */
function nameIn(host: string): string | null {
  if (!/^(?:\[[\da-f:.]+\]|[^\s/\\?#@:[\]]+)(?::\d*)?$/i.test(host)) return null
  try {
    // A name that ends with a dot is the same name.
    return new URL(`http://${host}`).hostname.replace(/\.$/, '') || null
  } catch {
    return null
  }
}

/** `.example.com` covers that name and all below it. */
function covers(allowed: string, name: string): boolean {
  return (
    name === allowed || (allowed.startsWith('.') && (name.endsWith(allowed) || name === allowed.slice(1)))
  )
}

/** Whether an origin is that of a host. Its scheme is not known here: a proxy may have ended TLS. */
function isOf(origin: string, host: string): boolean {
  try {
    const { protocol, host: own } = new URL(origin)
    // So that the port that a scheme has by default is left out on both sides.
    return own !== '' && own === new URL(`${protocol}//${host}`).host
  } catch {
    return false
  }
}
