/**
 * Whether the checks would notice: faults that are put into copies of the package on purpose, each of which a check that is
 * named must find. A fault whose text is not in the source any more fails, so that none is lost when the source moves on.
 */

import { AssertionError } from 'node:assert'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as index from '../src/index.ts'
import * as kit from '../src/kit.ts'
import { checks } from './support/checks.ts'
import type { CoreModule } from './support/explore.ts'

interface Edit {
  readonly file: string
  readonly find: string
  readonly replace: string
}

interface Mutant {
  readonly edits: readonly Edit[]
  readonly caughtBy: keyof typeof checks
}

const withWindow = 'S8 S9 S11 S12 S13 S15 S16 S17 S41 S42: histories with a window'
const withoutDelay = 'S2 S8 S10 S13 S37 S39: histories without a delay'
const withRaces = 'S4 S13 S20 S22: histories with races'
const inScope = 'S45: histories in a scope'
const leaving = 'S45 S83: histories in a scope, whose callers may abort'
const beside =
  'S84 S85 S88 S89 on shapes that people write, windows are no worse than fixed ones, and what is learned pays'
const believed = 'S86 what is believed is the most that was seen, and not what was exceeded'
const gathered = 'S86 it is gathered in 64 scopes, and put to the test when a call comes from unknown work'
const closed = 'S85 evidence closes a window as soon as nothing leads to it, and not before'
const together = 'S45 S84 who starts others waits with them, and goes on with them'
const budget = 'S88 all windows of a scope are open in vain for three times `delay`, and no longer'
const patience = 'S88 waiting in vain has an end, is begun anew by a gain, and is tried again'
const warning = 'S79 a window that stays open for 5 s is warned of, and the timer is taken back'
const takingTurns = 'S16 S18 S19 calls that share a limiter take turns, and none takes the slot of another'
const company = 'S72 a shared bulk waits for company, and no longer than there can be any'
const patientWide = 'S72 S88 a shared bulk waits for other units of work however often that was in vain'
const both = 'S72 a hit that is given with another bulk waits for its own as well'
const apart = 'S71 S73 what has failed together is asked again, apart, and nobody leaves anything'
const newcomer = 'S16 S18 a newcomer cannot take a slot that is handed over'

const mutants: Record<string, Mutant> = {
  'a slot is given back when the callers have gone': {
    caughtBy: withWindow,
    edits: [
      {
        file: 'engine/bulk.ts',
        find: '    this.end()\n    this.abort(reason)',
        replace: '    this.end()\n    this.abort(reason)\n    this.slot?.release()',
      },
    ],
  },
  'a slot is never given back': {
    caughtBy: withWindow,
    edits: [
      {
        file: 'engine/runner.ts',
        find: '    if (bulk.slot !== null) guarded(() => bulk.slot?.release())\n',
        replace: '',
      },
    ],
  },
  'a slot is given back twice': {
    caughtBy: withWindow,
    edits: [
      {
        file: 'engine/runner.ts',
        find: '    if (bulk.slot !== null) guarded(() => bulk.slot?.release())\n',
        replace: '    bulk.slot?.release()\n    bulk.slot?.release()\n',
      },
    ],
  },
  'a slot that was taken from a command is given back once more': {
    caughtBy: 'S43 a slot that was taken from a command is not given back again when it settles after all',
    edits: [
      {
        file: 'engine/runner.ts',
        find: 'if (!bulk.finish()) return',
        replace: 'bulk.finish()',
      },
    ],
  },
  'nothing is looked at when something is over': {
    caughtBy: withWindow,
    edits: [
      {
        file: 'engine/dispatcher.ts',
        find: '    this.tellDrained()\n    this.pump()\n  }\n\n  // ---- They start',
        replace: '    this.tellDrained()\n  }\n\n  // ---- They start',
      },
    ],
  },
  'a slot that is granted is not used': {
    caughtBy: 'S22 a slot that comes back is used at once by whoever stands in line',
    edits: [
      {
        file: 'engine/line.ts',
        find: '    this.slot = slot\n    this.owner.pump()\n',
        replace: '    this.slot = slot\n',
      },
    ],
  },
  'a slot that is granted for nothing is kept': {
    caughtBy: 'S20 a slot for which there is no task any more goes to the next',
    edits: [{ file: 'engine/line.ts', find: 'this.take()?.release()', replace: 'this.take()' }],
  },
  'a slot is handed over after an await, and counted anew': {
    caughtBy: newcomer,
    edits: [
      {
        file: 'limiter.ts',
        find: '          next.granted(this)',
        replace:
          '    this.inUse--\n    void Promise.resolve().then(() => {\n      this.inUse++\n      next.granted(this)\n    })',
      },
    ],
  },
  'a slot is free for a moment before the next in line asks for it': {
    caughtBy: newcomer,
    edits: [
      {
        file: 'limiter.ts',
        find: '          next.granted(this)',
        replace:
          '    this.inUse--\n    void Promise.resolve().then(() => {\n      const slot = this.acquire(next)\n      if (slot !== null) next.granted(slot)\n    })',
      },
    ],
  },
  'the last in line is served first': {
    caughtBy: takingTurns,
    edits: [
      {
        file: 'limiter.ts',
        find: 'const [next] = this.#line',
        replace: 'const [next] = [...this.#line].reverse()',
      },
    ],
  },
  'the line is not left when the tasks have gone': {
    caughtBy: 'S20 a call whose tasks have gone leaves the line',
    edits: [
      {
        file: 'engine/line.ts',
        find: 'if (!this.isWaiting || isReady) return',
        replace: 'return',
      },
    ],
  },
  'a bulk is sealed before it waits for its slot': {
    caughtBy: 'S12 a bulk that waits for its slot goes on filling',
    edits: [
      {
        file: 'engine/queue.ts',
        find: 'last !== null && last.count < this.settings.size ? last : null',
        replace:
          'last !== null && last.tasks.length < this.settings.size && !this.line?.isWaiting ? last : null',
      },
      {
        file: 'engine/dispatcher.ts',
        find: '(room = size - bulk.count) > 0',
        replace: '(room = -1) > 0',
      },
    ],
  },
  'places that tasks have left stay empty': {
    caughtBy: withRaces,
    edits: [
      {
        file: 'engine/dispatcher.ts',
        find: '(room = size - bulk.count) > 0',
        replace: '(room = -1) > 0',
      },
    ],
  },
  'the window opens anew with each task': {
    caughtBy: withWindow,
    edits: [
      {
        file: 'engine/queue.ts',
        find: '    if (bulk.count === size) this.markReady()\n',
        replace:
          '    if (bulk.count === size) this.markReady()\n    Object.assign(bulk, { openedAt: this.now() })\n',
      },
    ],
  },
  'the window opens anew when a task leaves': {
    caughtBy: withWindow,
    edits: [
      {
        file: 'engine/dispatcher.ts',
        find: '    this.nowPending(-1)\n',
        replace: '    this.nowPending(-1)\n    Object.assign(bulk, { openedAt: this.now() })\n',
      },
    ],
  },
  'a bulk has one task too many': {
    caughtBy: withWindow,
    edits: [
      {
        file: 'engine/dispatcher.ts',
        find: '(room = size - bulk.count) > 0',
        replace: '(room = size + 1 - bulk.count) > 0',
      },
    ],
  },
  'a queue that is full waits all the same': {
    caughtBy: withoutDelay,
    edits: [
      {
        file: 'engine/queue.ts',
        find: '    if (this.pending >= size && this.pending - tasks < size) this.askPump()\n',
        replace: '',
      },
    ],
  },
  'the last bulk is first': {
    caughtBy: withoutDelay,
    edits: [
      {
        file: 'engine/dispatcher.ts',
        find: 'const bulk = this.first!',
        replace: 'const bulk = this.last!',
      },
    ],
  },
  'the command runs inside the call': {
    caughtBy: withRaces,
    edits: [
      {
        file: 'engine/queue.ts',
        find: 'if (this.pending >= size && this.pending - tasks < size) this.askPump()',
        replace: 'if (this.pending >= size && this.pending - tasks < size) this.pump()',
      },
    ],
  },
  'the end of the turn marks nothing': {
    caughtBy: withoutDelay,
    edits: [{ file: 'engine/dispatcher.ts', find: '      this.ticked = this.lastId\n', replace: '' }],
  },
  'flush marks nothing': {
    caughtBy: withWindow,
    edits: [{ file: 'engine/queue.ts', find: '    this.flushed = this.lastId\n', replace: '' }],
  },
  'flush does not wait for what is in flight': {
    caughtBy: withWindow,
    edits: [
      {
        file: 'engine/dispatcher.ts',
        find: 'this.oldest === null ? Infinity : this.oldest.id',
        replace: 'this.first === null ? Infinity : this.first.id',
      },
    ],
  },
  'close starts nothing': {
    caughtBy: withWindow,
    edits: [{ file: 'engine/queue.ts', find: '      this.closing = true\n', replace: '' }],
  },
  'the timer is not taken back when nothing waits': {
    caughtBy: withWindow,
    edits: [
      {
        file: 'engine/timer.ts',
        find: '    if (this.handle !== undefined) this.host.clearTimer(this.handle)\n',
        replace: '',
      },
    ],
  },
  'a long delay is one timer': {
    caughtBy: 'S14 a delay that is longer than timers can be is waited for',
    edits: [
      {
        file: 'engine/timer.ts',
        find: 'Math.min(Math.max(Math.ceil(instant - now), 0), longest)',
        replace: 'Math.max(Math.ceil(instant - now), 0)',
      },
    ],
  },
  'a task that was given up is sent': {
    caughtBy: withoutDelay,
    edits: [
      {
        file: 'engine/bulk.ts',
        find: "if (this.state === 'pending') return this.takeOut(seat)",
        replace: "if (this.state === 'pending') return",
      },
    ],
  },
  'a task that was given up this moment is sent': {
    caughtBy: 'S37 a task whose signal has aborted is not sent, though its call has not heard of it yet',
    edits: [
      {
        file: 'engine/bulk.ts',
        find: 'for (const seat of this.seats) if (seat?.aborted) seat.leave()',
        replace: 'return',
      },
    ],
  },
  'one caller who goes aborts the bulk': {
    caughtBy: withoutDelay,
    edits: [
      {
        file: 'engine/bulk.ts',
        find: '    if (this.waiting > 0) return\n',
        replace: '    if (this.waiting > 0) return this.abort(reason)\n',
      },
    ],
  },
  'the command gets the own array of the bulk': {
    caughtBy: withWindow,
    edits: [{ file: 'engine/runner.ts', find: 'bulk.tasks.slice()', replace: 'bulk.tasks' }],
  },
  'the results are the own array of the command': {
    caughtBy: 'S25 the results are those that the command gave, whatever it does with its array then',
    edits: [{ file: 'engine/settle.ts', find: 'return [...results]', replace: 'return results' }],
  },
  'the number of results is not looked at': {
    caughtBy: 'S31 results that are fewer or more than the tasks are handed to none',
    edits: [
      {
        file: 'engine/settle.ts',
        find: '    if (results.length !== tasks.length) throw wrongLength(results, tasks.length, call)\n',
        replace: '',
      },
    ],
  },
  'a scope is quiet while its bulks are in flight': {
    caughtBy: inScope,
    edits: [
      {
        file: 'scope/tracker.ts',
        find: 'return this.#inFlight === 0 && this.busyParts === 0 && this.running.length === 0',
        replace: 'return this.busyParts === 0 && this.running.length === 0',
      },
    ],
  },
  'a scope is quiet while work goes on in it': {
    caughtBy: inScope,
    edits: [
      {
        file: 'scope/tracker.ts',
        find: 'return this.#inFlight === 0 && this.busyParts === 0 && this.running.length === 0',
        replace: 'return this.#inFlight === 0 && this.busyParts === 0',
      },
    ],
  },
  'a scope is quiet while a part of it is busy': {
    caughtBy: company,
    edits: [
      {
        file: 'scope/tracker.ts',
        find: 'return this.#inFlight === 0 && this.busyParts === 0 && this.running.length === 0',
        replace: 'return this.#inFlight === 0 && this.running.length === 0',
      },
    ],
  },
  'a unit of work is quiet while its own bulk is about to go': {
    caughtBy: company,
    edits: [
      { file: 'scope/tracker.ts', find: '(this.#pending > 0 || !this.isQuiet)', replace: '!this.isQuiet' },
    ],
  },
  'a command does not wait for what it calls': {
    caughtBy: company,
    edits: [{ file: 'scope/tracker.ts', find: 'parkOn(other, batch)', replace: 'void other' }],
  },
  'a command waits for ever for what it has called': {
    caughtBy: together,
    edits: [
      {
        file: 'scope/tracker.ts',
        find: 'if (--batch.holds > 0 || batch.isSettled) return',
        replace: 'return',
      },
    ],
  },
  'work that waits for a bulk does not go on when that starts': {
    caughtBy: inScope,
    edits: [
      {
        file: 'scope/tracker.ts',
        find: '    this.windowLost(member)\n    batch.waiters?.unpark()\n',
        replace: '    this.windowLost(member)\n',
      },
    ],
  },
  'work whose caller has left goes on waiting': {
    caughtBy: leaving,
    edits: [{ file: 'engine/seat.ts', find: '    this.work?.unpark()\n', replace: '' }],
  },
  'nothing is looked at when work ends': {
    caughtBy: inScope,
    edits: [
      {
        file: 'scope/work.ts',
        find: '    this.outer?.unpark()\n    this.tracker.look()\n',
        replace: '    this.outer?.unpark()\n',
      },
      {
        file: 'scope/tracker.ts',
        find: '    this.recording?.count(work.causes, -1)\n    this.look()\n',
        replace: '    this.recording?.count(work.causes, -1)\n',
      },
    ],
  },
  'work does not wait for work within it': {
    caughtBy: together,
    edits: [{ file: 'scope/frame.ts', find: '      work.outer.park()\n', replace: '' }],
  },
  'a late call is all that its work does': {
    caughtBy: beside,
    edits: [
      {
        file: 'scope/work.ts',
        find: 'const isAll = evidence!.overlaps ? this.due.length === 0 : !this.mayCall(loader)',
        replace: 'const isAll = true',
      },
    ],
  },
  'a late call never is all that its work does': {
    caughtBy: beside,
    edits: [
      {
        file: 'scope/work.ts',
        find: 'const isAll = evidence!.overlaps ? this.due.length === 0 : !this.mayCall(loader)',
        replace: 'const isAll = false',
      },
    ],
  },
  'what loads at once and beside that waits from its first call on': {
    caughtBy: beside,
    edits: [
      {
        file: 'scope/frame.ts',
        find: 'if (!(work.evidence?.overlaps && work.due.length > 0)) ',
        replace: '',
      },
    ],
  },
  'a window closes while calls of its loader are due': {
    caughtBy: beside,
    edits: [
      {
        file: 'scope/recording.ts',
        find: '    if (this.#due.has(name)) return name\n',
        replace: '',
      },
    ],
  },
  'a window closes whatever goes on that was never seen': {
    caughtBy: beside,
    edits: [{ file: 'scope/work.ts', find: 'if (evidence.isNew) causes.push(null)\n', replace: '\n' }],
  },
  'a window closes whatever follows from running work': {
    caughtBy: closed,
    edits: [
      {
        file: 'scope/work.ts',
        find: 'if (command === null) causes.push(evidence)\n',
        replace: '\n',
      },
    ],
  },
  'a window closes whatever follows from bulks in flight': {
    caughtBy: closed,
    edits: [
      {
        file: 'scope/tracker.ts',
        find: '    this.recording?.count(batch.askers ?? [null], change)\n',
        replace: '',
      },
    ],
  },
  'evidence closes no window': {
    caughtBy: closed,
    edits: [
      {
        file: 'scope/windows.ts',
        find: 'return !member.isStray && this.recording !== null && this.recording.nothingFollows(member)',
        replace: 'return false',
      },
    ],
  },
  'a window that was kept open is not looked at again': {
    caughtBy: closed,
    edits: [{ file: 'scope/recording.ts', find: 'this.#freed.add(member)', replace: 'void member' }],
  },
  'a call of unknown work is all that it does': {
    caughtBy: leaving,
    edits: [
      {
        file: 'scope/tracker.ts',
        find: 'member.isStray = true',
        replace: 'member.isStray = false',
      },
    ],
  },
  'work that loads one after the other is waited for': {
    caughtBy: beside,
    edits: [{ file: 'scope/evidence.ts', find: 'return !this.overlaps && ', replace: 'return false && ' }],
  },
  'work that loads all in one tick is waited for after it': {
    caughtBy: beside,
    edits: [{ file: 'scope/evidence.ts', find: '!this.scattered.has(loader)', replace: 'false' }],
  },
  'work that has loaded in two ticks is believed to load in one': {
    caughtBy: beside,
    edits: [{ file: 'scope/evidence.ts', find: ' && !this.scattered.has(loader)', replace: '' }],
  },
  'work that has loaded beside its earlier loads is believed to wait for each': {
    caughtBy: beside,
    edits: [{ file: 'scope/evidence.ts', find: 'return !this.overlaps && ', replace: 'return ' }],
  },
  'a command does not wait for its late calls': {
    caughtBy: beside,
    edits: [{ file: 'scope/work.ts', find: 'this.command ?? this', replace: 'this' }],
  },
  'a promise that is given again is waited for as if it were another': {
    caughtBy: beside,
    edits: [
      {
        file: 'scope/recording.ts',
        find: ' === evidence) return true',
        replace: ' === evidence) return false',
      },
    ],
  },
  'a number of calls that was exceeded is believed again': {
    caughtBy: believed,
    edits: [
      {
        file: 'scope/evidence.ts',
        find: 'this.#observed >= enough && most > 0 ? Infinity : calls',
        replace: 'calls',
      },
    ],
  },
  'the latest number of calls is believed, not the most': {
    caughtBy: believed,
    edits: [{ file: 'scope/evidence.ts', find: '    if (calls <= most) return\n', replace: '' }],
  },
  'evidence is gathered for ever': {
    caughtBy: gathered,
    edits: [
      {
        file: 'scope/evidence.ts',
        find: '++this.#scopes <= this.#recordsUntil',
        replace: '++this.#scopes > 0',
      },
    ],
  },
  'calls of unknown work raise no doubt': {
    caughtBy: gathered,
    edits: [{ file: 'scope/evidence.ts', find: 'of [loader, null]) this', replace: 'of [loader]) this' }],
  },
  'waiting in vain is not counted': {
    caughtBy: budget,
    edits: [{ file: 'scope/windows.ts', find: 'this.#vain += inVain', replace: 'return' }],
  },
  'windows that are open together are counted each': {
    caughtBy: budget,
    edits: [{ file: 'scope/windows.ts', find: 'Math.max(keptAt, this.#vainUntil)', replace: 'keptAt' }],
  },
  'a window that gets a call by waiting has waited in vain': {
    caughtBy: beside,
    edits: [{ file: 'scope/windows.ts', find: ' || hasGained) return', replace: ') return' }],
  },
  'a document never loses patience': {
    caughtBy: patience,
    edits: [
      {
        file: 'scope/evidence.ts',
        find: '    this.left -= Math.max(0, Math.min(delays, sinceOthers)) / 2\n',
        replace: '',
      },
    ],
  },
  'a document never gets its patience back': {
    caughtBy: patience,
    edits: [
      {
        file: 'scope/evidence.ts',
        find: '  gained(): void {\n    this.left = budget\n',
        replace: '  gained(): void {\n',
      },
    ],
  },
  'a document that has lost patience never tries again': {
    caughtBy: patience,
    edits: [
      {
        file: 'scope/evidence.ts',
        find: 'patience.left = Math.max(patience.left, 1)',
        replace: 'void patience',
      },
    ],
  },
  'an open window is warned of at once': {
    caughtBy: warning,
    edits: [{ file: 'scope/warning.ts', find: 'const long = 5_000', replace: 'const long = 50' }],
  },
  'an open window is never warned of': {
    caughtBy: warning,
    edits: [
      {
        file: 'scope/windows.ts',
        find: 'this.#host.setTimer(() => {\n',
        replace: 'this.#host.setTimer(() => {\n      if (this.#warning !== null) return\n',
      },
    ],
  },
  'the timer of the warning is left behind': {
    caughtBy: warning,
    edits: [
      {
        file: 'scope/windows.ts',
        find: 'if (--this.#open > 0 || this.#warning === null) return',
        replace: 'if (--this.#open >= 0) return',
      },
    ],
  },
  'a hit is not waited for where a shared bulk has its key': {
    caughtBy: company,
    edits: [
      {
        file: 'cache/lookup.ts',
        find: 'queue.last ?? queue.held',
        replace: 'queue.last',
      },
    ],
  },
  'a wide scope loses patience with its parts': {
    caughtBy: patientWide,
    edits: [{ file: 'scope/windows.ts', find: 'this.busyParts > 0 || delay', replace: 'delay' }],
  },
  'a hit waits only for the bulk that it is given with': {
    caughtBy: both,
    edits: [
      {
        file: 'cache/lookup.ts',
        find: '    if (!isItsOwn && answer.bulk?.isParked === true) queue.tracker?.called(queue, answer.bulk, hit)\n',
        replace: '',
      },
    ],
  },
  'what has failed together fails for all': {
    caughtBy: apart,
    edits: [
      { file: 'shared-loader.ts', find: 'if (others.size === 0) return answers', replace: 'return answers' },
    ],
  },
  'a partition is kept while its command goes on for nobody': {
    caughtBy: apart,
    edits: [{ file: 'shared-room.ts', find: 'this.asking === 0', replace: 'this.call.inFlight === 0' }],
  },
  'the error of a lone key is that of its bulk': {
    caughtBy: 'S73 the error of a key that is asked alone is its answer',
    edits: [
      { file: 'shared-loader.ts', find: 'if (isError(outcome)) this.#given.add(outcome)\n', replace: '\n' },
    ],
  },
}

const core: CoreModule = { ...index, ...kit }
const source = join(import.meta.dirname, '../src')
// Below the package, so that a copy is loaded as the source is; where reports go, so that no other tool looks at it.
const reports = join(import.meta.dirname, '../reports')
let copies = ''

/** A copy of the package with a fault in it. */
async function load(name: string, edits: readonly Edit[]): Promise<CoreModule> {
  const folder = join(copies, name.replaceAll(/\W+/g, '-'))
  cpSync(source, folder, { recursive: true })
  for (const { file, find, replace } of edits) {
    const path = join(folder, file)
    const parts = readFileSync(path, 'utf8').split(find)
    expect(parts.length - 1, `times that ${file} has «${find}»`).toBe(1)
    writeFileSync(path, parts.join(replace))
  }
  const [copy, itsKit] = await Promise.all(
    ['index.ts', 'kit.ts'].map((file): Promise<object> => import(/* @vite-ignore */ join(folder, file))),
  )
  return { ...copy, ...itsKit } as CoreModule
}

beforeAll(() => {
  mkdirSync(reports, { recursive: true })
  copies = mkdtempSync(join(reports, 'mutants-'))
})
afterAll(() => rmSync(copies, { recursive: true }))

describe('the source passes', () => {
  it.each(Object.entries(checks))('%s', { timeout: 300_000 }, async (_, check) => {
    await expect(check(core)).resolves.toBeUndefined()
  })
})

describe('a copy of the source in which nothing is changed passes', () => {
  it.each(Object.entries(checks).filter(([name]) => name.startsWith('S4')))('%s', async (_, check) => {
    await expect(check(await load('nothing', []))).resolves.toBeUndefined()
  })
})

describe('it is noticed that', () => {
  it.each(Object.entries(mutants))('%s', { timeout: 300_000 }, async (name, { edits, caughtBy }) => {
    const copy = await load(name, edits)
    // By what the check finds, not by a copy that cannot even run.
    await expect(checks[caughtBy](copy)).rejects.toThrow(AssertionError)
  })
})
