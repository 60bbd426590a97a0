/**
 * Makes the page of what is in `page/`: one HTML text with the style and the program in it, the engine of the core among
 * it. Tests and programs that run the sources of this package import it from here; `build.ts` writes it into `dist`.
 * @module
 */

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { build, transform, type Plugin } from 'esbuild'
import { minify } from 'terser'

const folder = join(import.meta.dirname, 'page')

/**
 * What a replay never comes to: it has a host of its own, nobody to warn of a window that stays open, no other copy of the engine,
 * and closes nothing early.
 */
const unused: Readonly<Record<string, string>> = {
  'scope/warning.ts': 'export const long = 0; export function warn() {}',
  'engine/closing.ts': 'export function close() {}',
  'core/src/registry.ts':
    'export const version = 1, registry = { listeners: [], last: 0 }; export function nextId() { return ++registry.last }',
  'core/src/host.ts': 'export const host = {}, nobody = {}; export function timerMaker() {}',
}

const withoutUnused: Plugin = {
  name: 'without what is unused',
  setup(bundling) {
    const found = new Set<string>()
    for (const [file, contents] of Object.entries(unused))
      bundling.onLoad({ filter: new RegExp(`/${file}$`) }, () => {
        found.add(file)
        return { contents }
      })
    bundling.onEnd(() => {
      const lost = Object.keys(unused).filter(file => !found.has(file))
      if (lost.length > 0) throw new Error(`no such file of the core any more: ${lost.join(', ')}`)
    })
  },
}

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
<link rel="icon" href='data:image/svg+xml,${icon.replaceAll('#', '%23')}'>
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
    // What the engine has for its hosts never runs here, where each replay brings its own clock.
    define: Object.fromEntries(
      ['process', 'setImmediate', 'MessageChannel', 'performance'].map(name => [
        `globalThis.${name}`,
        'undefined',
      ]),
    ),
    // Children as arguments are shorter than as a property.
    tsconfigRaw: {},
    jsx: 'transform',
    jsxFactory: 'h',
    jsxFragment: 'Fragment',
    inject: [join(folder, 'jsx.ts')],
    legalComments: 'none',
    plugins: [withoutUnused],
    write: false,
  })
  // Once more: names that are the same in every function pack better, and so does what is said in fewer ways, by 1.5 kB.
  const { code } = await minify(outputFiles.map(file => file.text).join(''), {
    module: true,
    // A function with arguments that is written out where it is called packs worse.
    compress: { passes: 2, inline: 1 },
    mangle: { properties: { regex: engineNames() } },
  })
  return inline(code!, 'script')
}

/**
 * The names of members that only the engine itself says: they may be short. One that is also a string there, such as that of an
 * option, or that the page says, stays.
 */
function engineNames(): RegExp {
  const engine = sourcesIn(join(import.meta.dirname, '../core/src'))
  const elsewhere = sourcesIn(folder) + (engine.match(/'\w+'/g) ?? []).join(' ')
  const said = new Set(elsewhere.match(/\w+/g))
  const names = Array.from(
    engine.matchAll(/^  (?:private |protected |readonly |get )*(\w+)[?!]?[:(]/gm),
    ([, name]) => name!,
  )
  return new RegExp(`^(${names.filter(name => !said.has(name)).join('|')})$`)
}

function sourcesIn(root: string): string {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(file => /\.tsx?$/.test(file))
  const text = files.map(file => readFileSync(join(root, file), 'utf8')).join('\n')
  return text.replaceAll(/\/\*[^]*?\*\/|\/\/.*/g, '')
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
