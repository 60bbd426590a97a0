/**
 * The program where it gets no further than its first steps: each ends with one sentence, and no stack.
 */

import { createServer, type AddressInfo } from 'node:net'

import { expect, it, vi } from 'vitest'

import { Failure } from '../src/failure.ts'
import { openDatabase } from '../src/open-database.ts'
import { listen } from '../src/server.ts'
import { runProgram } from './program.ts'

it('answers with 503 until its database is open', async () => {
  const listener = await listen({ port: 0, host: '127.0.0.1' })
  const response = await fetch(`${listener.address}/graphql`)
  await listener.close()

  expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5'])
})

it('answers what was asked before it closes, and cuts what lasts', async () => {
  const listener = await listen({ port: 0, host: '127.0.0.1' })
  const asked: (() => void)[] = []
  const airport = (_: unknown, { code }: { code: string }): Promise<unknown> =>
    new Promise(resolve => asked.push(() => resolve({ ident: code })))
  const way = { name: 'slow', path: '/slow', resolvers: { Query: { airport } }, plugin: {} }
  listener.serve([way as never], {} as never)
  const headers = { 'content-type': 'application/json' }
  const answers = ['first', 'never'].map(async code => {
    const body = JSON.stringify({ query: `{ airport(code: "${code}") { ident } }` })
    const response = await fetch(`${listener.address}/slow`, { method: 'POST', headers, body })
    return response.json()
  })
  const outcomes = Promise.all(answers.map(answer => answer.catch(() => 'cut')))
  await vi.waitFor(() => expect(asked).toHaveLength(2))
  const closed = listener.close()
  await new Promise(done => setTimeout(done, 100))
  asked[0]!()

  expect(await outcomes).toEqual([{ data: { airport: { ident: 'first' } } }, 'cut'])
  await closed
})

it('tells in one sentence that its port is in use', async () => {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const { code, stdout, stderr } = await runProgram(['--port', String(port), '--database', '/never/opened'])
  server.close()

  expect({ code, stdout, stderr }).toEqual({
    code: 1,
    stdout: '',
    stderr: `Port ${port} is in use. Choose another one with --port.\n`,
  })
})

it.each([
  [['--prot', '1'], /^Unknown option '--prot'\. Try --help\.\n$/],
  [
    ['--database', 'mysql://root:s3cret@here/x'],
    /^--database must be a URL such as [^\n]+, or a folder\.\n$/,
  ],
])('%j ends with 2 and one sentence', async (args, sentence) => {
  const { code, stdout, stderr } = await runProgram(['--once', '--port', '0', ...args])

  expect(code).toBe(2)
  expect(stderr).toMatch(sentence)
  expect(stdout + stderr).not.toContain('s3cret')
})

// Each of these ends the program as a port that is in use does.
it.each([
  [
    'a server that is not there',
    () => openDatabase({ database: { url: 'postgres://me:s3cret@127.0.0.1:1/x' }, pool: 1 }),
    /^The database at 127\.0\.0\.1:1\/x cannot be used: connect ECONNREFUSED 127\.0\.0\.1:1\.$/,
  ],
  [
    'a folder that cannot be made',
    () => openDatabase({ database: { folder: '/dev/null/x' }, pool: 1 }),
    /^The folder \/dev\/null\/x cannot be used for a database: [^\n]+\.$/,
  ],
  [
    'the address of another machine',
    () => listen({ port: 0, host: '203.0.113.1' }),
    /^The server cannot listen on 203\.0\.113\.1, port 0: [^\n]+\.$/,
  ],
])('%s is a failure in one sentence', async (_, open, sentence) => {
  const failure: unknown = await open().catch((error: unknown) => error)

  expect(failure).toBeInstanceOf(Failure)
  expect(failure).toMatchObject({ message: expect.stringMatching(sentence), exitCode: 1 })
})
