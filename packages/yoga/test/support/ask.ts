/**
 * Asking a server, in the shapes that the tests need.
 * @module
 */

import { expect } from 'vitest'

/** What the tests need of a Yoga server, whatever its context is. */
export interface Asked {
  fetch(url: string, init?: RequestInit): Response | Promise<Response>
}

/** An error as a client gets it. */
export interface ClientError {
  readonly message: string
  readonly path?: readonly (string | number)[]
  readonly extensions?: Readonly<Record<string, unknown>>
}

/** The answer to one operation. */
export interface Answer {
  readonly data?: any
  readonly errors?: readonly ClientError[]
  readonly extensions?: Readonly<Record<string, unknown>>
}

export interface AskOptions {
  readonly variables?: Readonly<Record<string, unknown>>
  readonly operationName?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

function init(body: unknown, { headers, signal }: AskOptions = {}): RequestInit {
  return {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
    body: JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  }
}

/** Sends one operation and gives the whole response. */
export async function respond(server: Asked, query: string, options: AskOptions = {}): Promise<Response> {
  const { variables, operationName } = options
  return server.fetch('http://yoga/graphql', init({ query, variables, operationName }, options))
}

/** Sends one operation and gives its answer. */
export async function ask(server: Asked, query: string, options?: AskOptions): Promise<Answer> {
  const response = await respond(server, query, options)
  return (await response.json()) as Answer
}

/** Sends one operation, of which no error is expected, and gives its data. */
export async function dataOf(server: Asked, query: string, options?: AskOptions): Promise<any> {
  const { data, errors } = await ask(server, query, options)
  expect(errors).toBeUndefined()
  return data
}

/** Sends many operations as one HTTP batch and gives the whole response. */
export async function respondBatch(
  server: Asked,
  queries: readonly string[],
  options: AskOptions = {},
): Promise<Response> {
  const operations = queries.map(query => ({ query }))
  return server.fetch('http://yoga/graphql', init(operations, options))
}

/** Sends many operations as one HTTP batch and gives their answers. */
export async function askBatch(
  server: Asked,
  queries: readonly string[],
  options?: AskOptions,
): Promise<Answer[]> {
  const response = await respondBatch(server, queries, options)
  return (await response.json()) as Answer[]
}

/** The events of an SSE response, one by one; ends when the server says that it is complete. */
export async function* eventsOf(response: Response): AsyncGenerator<Answer, void, undefined> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true })
    for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
      const event = text.slice(0, end)
      text = text.slice(end + 2)
      const name = /^event: (.*)$/m.exec(event)?.[1]
      if (name === 'complete') return
      if (name === 'next') yield JSON.parse(/^data: (.*)$/m.exec(event)![1]!) as Answer
    }
  }
}

/** The parts of a `multipart/mixed` response, which is how deferred data comes. */
export async function partsOf(response: Response): Promise<any[]> {
  expect(response.headers.get('content-type')).toContain('multipart/mixed')
  return (await response.text())
    .split('---')
    .map(part => part.slice(part.indexOf('{'), part.lastIndexOf('}') + 1))
    .filter(part => part !== '')
    .map(part => JSON.parse(part) as unknown)
}
