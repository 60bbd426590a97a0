/**
 * The client: what the limiter needs of a connection to Redis, whichever package it comes from.
 * @module
 */

import { check } from '@bulkcall/core/kit'

/** A client, a pool or a cluster of `redis` (node-redis). */
export interface NodeRedisClient {
  eval(script: string, options: ScriptArguments): Promise<unknown>
  evalSha(sha: string, options: ScriptArguments): Promise<unknown>
  zRem(key: string, member: string): Promise<unknown>
}

interface ScriptArguments {
  keys: string[]
  arguments: string[]
}

/** A client or a cluster of `ioredis` or `iovalkey`. */
export interface IoredisClient {
  eval(script: string, keys: number, ...args: (string | number)[]): Promise<unknown>
  evalsha(sha: string, keys: number, ...args: (string | number)[]): Promise<unknown>
  zrem(key: string, member: string): Promise<unknown>
}

/** A connection to Redis or Valkey that is open, and that its owner closes. */
export type RedisClient = NodeRedisClient | IoredisClient

/** Any client in the shape of `ioredis`: one of the two had to be chosen. */
export function asIoredis(client: RedisClient): IoredisClient {
  if (has(client, 'evalsha')) return client as IoredisClient
  check(
    'client',
    has(client, 'evalSha') && has(client, 'zRem'),
    'a client of redis, ioredis or iovalkey',
    client,
  )
  const node = client as NodeRedisClient
  return {
    eval: (script, keys, ...args) => node.eval(script, split(keys, args)),
    evalsha: (sha, keys, ...args) => node.evalSha(sha, split(keys, args)),
    zrem: (key, member) => node.zRem(key, member),
  }
}

function has(client: unknown, method: string): boolean {
  return typeof (client as Record<string, unknown> | null | undefined)?.[method] === 'function'
}

function split(keys: number, args: readonly (string | number)[]): ScriptArguments {
  const texts = args.map(String)
  return { keys: texts.slice(0, keys), arguments: texts.slice(keys) }
}
