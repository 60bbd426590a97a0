/**
 * The link in GraphiQL to the inspector: who has run a query there wants to see what it has loaded.
 * @module
 */

/** Whether a response may be GraphiQL: that of an operation never is, and costs nothing here. */
export function mayBeGraphiQL(request: Request, response: Response): boolean {
  return (
    request.method === 'GET' &&
    response.status === 200 &&
    /^text\/html\b/i.test(response.headers.get('content-type') ?? '')
  )
}

/**
 * GraphiQL with a link to the inspector; `null` where it is not served here, and stays as it is.
 * @param path where the inspector is: one below the endpoint
 * @param mayBeSeen whether who gets GraphiQL may see the inspector too
 */
export async function linked(
  request: Request,
  response: Response,
  path: string,
  mayBeSeen: (url: URL) => PromiseLike<boolean>,
): Promise<string | null> {
  const url = new URL(request.url)
  const endpoint = path.slice(0, path.lastIndexOf('/')) || '/'
  if (url.pathname.replace(/(?<=.)\/$/, '') !== endpoint || !(await mayBeSeen(url))) return null
  // A page of somebody's own at this address is left alone.
  const html = await response.clone().text()
  const end = html.lastIndexOf('</body>')
  if (end === -1 || !/graphiql/i.test(html)) return null
  return html.slice(0, end) + linkTo(path) + html.slice(end)
}

function linkTo(path: string): string {
  const style = [
    'position:fixed;right:14px;bottom:10px;z-index:9;padding:8px 12px;border-radius:6px',
    'font:12px system-ui,sans-serif;text-decoration:none;color:#fff;background:#3568d4',
  ].join(';')
  return `<a href="${encodeURI(path)}" style="${style}" title="What operations load in bulk, and what they wait for">Inspector</a>`
}
