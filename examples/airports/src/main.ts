/**
 * The program: reads what is wanted, and starts it. What is wanted wrongly, or is only help, is answered at once, as the server
 * and its database are loaded after that.
 * @module
 */

import { Failure } from './failure.ts'
import { help, readOptions } from './options.ts'

// Whoever reads the output, such as `head`, may have seen enough.
process.stdout.on('error', () => process.exit())

try {
  const options = readOptions(process.argv.slice(2), process.env)
  if (options.help) console.log(help)
  else {
    const { start } = await import('./start.ts')
    await start(options)
  }
} catch (error) {
  if (!(error instanceof Failure)) throw error
  console.error(error.message)
  process.exitCode = error.exitCode
}
