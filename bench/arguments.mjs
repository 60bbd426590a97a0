/** The command line of the benchmark. */

import { parseArgs } from 'node:util'

const usage = `npm run bench -- [options]

  --work <names>     these workloads only: names with commas between, "*" for any letters, such as 'burst-*,hits-*'
  --only <names>     these contenders only; what the ratios are of always runs
  --node <versions>  on these versions of Node, such as 20,24,26
  --against <folder> beside the core that is built in another checkout, as the contender "before"
  --short            in about a minute: fewer slices, some workloads, and the contenders that have a goal there
  --count            count what one operation makes (bulks, promises, timers…), and time nothing
  --check            fail where a ratio is over twice its goal, or a count is not what it must be
  --write            put what was measured into results.md; a whole run does so anyway
  --list             list the workloads and their contenders`

export function readOptions(args, works) {
  const { values } = readArguments(args)
  if (values.help) leave(usage, 0)
  if (values.list)
    leave(
      works.map(({ name, title, contenders }) => `${name}: ${title} (${contenders.join(', ')})`).join('\n'),
      0,
    )

  const asked = values.work?.split(',').map(pattern)
  const matching = works.filter(
    ({ name }) => asked === undefined || asked.some(matches => matches.test(name)),
  )
  const chosen = matching.filter(({ short }) => asked !== undefined || !values.short || short)
  if (chosen.length === 0) leave(`No work is called ${values.work}; --list tells their names.`, 2)
  const whole = asked === undefined && values.only === undefined && !values.short && !values.count
  return {
    works: values.count ? matching.filter(({ clock }) => clock !== 'heap') : chosen,
    // Counts are soon taken, in the short form too.
    checked: values.check ? matching : [],
    only: values.only?.split(',') ?? null,
    nodes: values.node?.split(',') ?? ['this'],
    against: values.against ?? null,
    short: values.short,
    count: values.count,
    check: values.check,
    write: values.write || whole,
  }
}

function readArguments(args) {
  const flag = { type: 'boolean', default: false }
  const text = { type: 'string' }
  const options = {
    work: text,
    only: text,
    node: text,
    against: text,
    short: flag,
    count: flag,
    check: flag,
    write: flag,
    list: flag,
    help: flag,
  }
  try {
    return parseArgs({ args, options })
  } catch (error) {
    return leave(`${error.message}\n\n${usage}`, 2)
  }
}

function pattern(name) {
  const letters = name.split('*').map(part => part.replaceAll(/[^\w-]/g, String.raw`\$&`))
  return new RegExp(`^${letters.join('.*')}$`)
}

function leave(message, status) {
  if (status === 0) console.log(message)
  else console.error(message)
  process.exit(status)
}
