/**
 * A failure that one sentence explains: whoever started the program can put it right, and needs no stack for it.
 * @module
 */

export class Failure extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode = 1) {
    super(message)
    this.exitCode = exitCode
  }
}

/** What was wrong on the command line or in the environment. */
export class UsageError extends Failure {
  constructor(message: string) {
    super(message, 2)
  }
}

/** Why, in a few words. Several attempts to connect fail as one error without a message of its own. */
export function reasonOf(error: unknown): string {
  const { message, code, errors } = error as Error & { code?: string; errors?: Error[] }
  return message || errors?.[0]?.message || code || String(error)
}
