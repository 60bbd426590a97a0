/** What a bundler takes of each, measured when the site is built. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync } from 'node:zlib'
import { build } from 'esbuild'

export interface Size {
  readonly name: string
  readonly version: string
  readonly bytes: number
}

export declare const data: readonly Size[]

const root = fileURLToPath(new URL('../../..', import.meta.url))

const imports = [
  ['BulkLoader', '@bulkcall/core', '{ BulkLoader as it }'],
  ['AsyncBulkCall', '@bulkcall/core', '{ AsyncBulkCall as it }'],
  ['the drop-in for DataLoader', '@bulkcall/dataloader', 'it'],
  ['DataLoader', 'dataloader', 'it'],
  ['batshit', '@yornaath/batshit', '* as it'],
  ['AsyncBatcher of TanStack Pacer', '@tanstack/pacer', '{ AsyncBatcher as it }'],
] as const

export default {
  async load(): Promise<Size[]> {
    return Promise.all(
      imports.map(async ([name, from, what]) => {
        const { outputFiles } = await build({
          stdin: {
            contents: `import ${what} from '${from}'; globalThis.it = it`,
            resolveDir: join(root, 'bench'),
          },
          bundle: true,
          minify: true,
          write: false,
          format: 'esm',
          target: 'es2022',
          conditions: ['@bulkcall/source'],
          external: ['node:*'],
        })
        const manifest = readFileSync(join(root, 'node_modules', from, 'package.json'), 'utf8')
        const { version } = JSON.parse(manifest) as { version: string }
        return { name, version, bytes: brotliCompressSync(outputFiles[0]!.contents).length }
      }),
    )
  },
}
