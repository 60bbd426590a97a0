/**
 * The cluster: processes that serve the same.
 * @module
 */

import { fork, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'

import type { Query } from './database.ts'
import { Failure, reasonOf } from './failure.ts'
import type { Answer, Question, Task } from './messages.ts'

export interface Cluster {
  readonly addresses: readonly string[]
  /** How many statements its processes have sent. */
  statements(): Promise<number>
  stop(): Promise<void>
}

/** @param query answers processes that have no database of their own to connect to */
export async function startCluster(processes: number, task: Task, query: Query): Promise<Cluster> {
  const members = Array.from({ length: processes }, () => start(task, query))
  const stop = async (): Promise<void> => {
    await Promise.all(members.map(member => member.stop()))
  }
  try {
    const addresses = await Promise.all(members.map(({ address }) => address))
    return {
      addresses,
      stop,
      async statements() {
        const each = await Promise.all(members.map(member => member.statements()))
        return each.reduce((sum, some) => sum + some, 0)
      },
    }
  } catch (error) {
    await stop()
    throw error
  }
}

function start(task: Task, query: Query) {
  // The flags of this process, which make it read TypeScript, are taken over.
  const child = fork(join(import.meta.dirname, 'server.ts'), [JSON.stringify(task)])
  const ended = new Promise<void>(resolve => void child.once('exit', () => resolve()))
  child.on('message', (question: Question) => {
    if ('sql' in question) void answer(child, query, question)
  })
  const hear = <Q extends Question>(name: keyof Q): Promise<Q> =>
    new Promise((resolve, reject) => {
      const listen = (question: Question): void => {
        if (!(name in question)) return
        child.off('message', listen)
        resolve(question as Q)
      }
      child.on('message', listen)
      void ended.then(() => reject(new Failure('A process has ended too early.')))
    })
  return {
    address: hear<{ address: string }>('address').then(({ address }) => address),
    statements(): Promise<number> {
      const told = hear<{ statements: number }>('statements').then(({ statements }) => statements)
      child.send({ report: true } satisfies Answer)
      return told
    },
    stop(): Promise<void> {
      child.kill('SIGTERM')
      return ended
    },
  }
}

async function answer(
  child: ChildProcess,
  query: Query,
  { id, sql, params }: Extract<Question, { id: number }>,
): Promise<void> {
  const reply: Answer = await query(sql, params).then(
    rows => ({ id, rows }),
    (error: unknown) => ({ id, error: reasonOf(error) }),
  )
  if (child.connected) child.send(reply)
}
