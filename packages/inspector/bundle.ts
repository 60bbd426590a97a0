/**
 * Makes the page of what is in `page/`: one HTML text with the style and the program in it, the engine of the core among
 * it. Tests and programs that run the sources of this package import it from here; `build.ts` writes it into `dist`.
 * @module
 */

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { build, transform } from 'esbuild'
import { minify } from 'terser'

const folder = join(import.meta.dirname, 'page')

const script = await bundle()
const style = await minifyStyle(readFileSync(join(folder, 'style.css'), 'utf8'))
const icon = readFileSync(join(folder, 'icon.svg'), 'utf8').trim()

export const policy = [
  `default-src 'none'`,
  `script-src '${hash(script)}'`,
  `style-src '${hash(style)}'`,
  `connect-src 'self'`,
  `img-src data:`,
  `base-uri 'none'`,
  `form-action 'none'`,
  `frame-ancestors 'none'`,
].join('; ')

export const html = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Bulks</title>
<link rel="icon" href="data:image/svg+xml,${encodeURIComponent(icon)}">
<style>${style}</style>
<body>
<script type="module">${script}</script>
`

async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(folder, 'main.tsx')],
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    // The engine as it is in the sources: the page and the server have the same one.
    conditions: ['@bulkcall/source'],
    // What the engine has for Node alone can never run here.
    define: { 'globalThis.process': 'undefined' },
    // Children as arguments are shorter than as a property.
    tsconfigRaw: {},
    jsx: 'transform',
    jsxFactory: 'h',
    jsxFragment: 'Fragment',
    inject: [fileURLToPath(import.meta.resolve('preact'))],
    legalComments: 'none',
    write: false,
  })
  // Once more: names that are the same in every function pack better, and so does what is said in fewer ways, by 1.5 kB.
  const { code } = await minify(outputFiles.map(file => file.text).join(''), {
    module: true,
    compress: { passes: 2 },
  })
  return inline(code!, 'script')
}

async function minifyStyle(css: string): Promise<string> {
  return inline((await transform(css, { loader: 'css', minify: true, target: 'chrome111' })).code, 'style')
}

/** Text that stands in an element must not end it. esbuild sees to that in strings; this makes sure of it. */
function inline(text: string, element: string): string {
  if (text.toLowerCase().includes(`</${element}`) || text.includes('<!--'))
    throw new Error(`The ${element} would end too early.`)
  return text.trim()
}

function hash(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}
