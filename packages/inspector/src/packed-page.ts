/**
 * The page, packed for whoever takes it packed: a third of its size. Servers seldom do that by themselves. It is not even
 * read before someone asks for it.
 * @module
 */

type Zlib = typeof import('node:zlib')

interface Page {
  readonly body: string | Uint8Array<ArrayBuffer>
  readonly encoding: 'br' | 'identity'
  readonly policy: string
}

/** Made when it is wanted for the first time: it takes some hundreds of milliseconds, in a thread of its own. */
let packed: Promise<Page> | undefined

/** The page, in an encoding that is accepted. */
export async function pageFor(accepted: string | null): Promise<Page> {
  const { html, policy } = await import('#page')
  const whole: Page = { body: html, encoding: 'identity', policy }
  if (accepted === null || !/(?:^|,)\s*br\s*(?:;\s*q=(?:1|0?\.\d*[1-9]))?\s*(?:,|$)/.test(accepted))
    return whole
  const zlib: Zlib | undefined = globalThis.process?.getBuiltinModule?.('node:zlib')
  if (zlib?.brotliCompress === undefined) return whole
  return (packed ??= new Promise(resolve => {
    zlib.brotliCompress(html, (error, bytes) =>
      resolve(error === null ? { body: new Uint8Array(bytes), encoding: 'br', policy } : whole),
    )
  }))
}
