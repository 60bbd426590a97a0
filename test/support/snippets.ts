/**
 * The programs in the documentation, as files that can be compiled and imported.
 *
 * A block that begins with ```ts is run: it prints what the comments with an arrow say, in their order. A block that
 * begins with ```ts compile is only compiled. What a block needs and a reader does not may stand in a comment before it:
 * <!-- with: const db = … -->.
 */

import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

export interface Snippet {
  /** Where it stands, such as `README.md:12`. */
  readonly title: string
  readonly info: string
  /** The name of its file. */
  readonly file: string
  readonly code: string
  /** What it says that it prints, line by line. */
  readonly prints: readonly string[]
}

/** @param page its path from the root of the repository */
export function snippetsOf(page: string): Snippet[] {
  const text = readFileSync(join(root, page), 'utf8')
  const fenced =
    /(?:<!-- with:(?<preamble>(?:(?!-->)[^])*)-->\n+)?^```(?<info>ts\b.*)\n(?<body>[^]*?)^```$/dgm
  return [...text.matchAll(fenced)].map(({ groups, indices }) => {
    const line = text.slice(0, indices!.groups!.info![0]).split('\n').length
    return {
      title: `${page}:${line}`,
      info: groups!.info!,
      file: `${page.replaceAll('/', '-')}-${line}.ts`,
      code: only(text, [indices!.groups!.preamble, indices!.groups!.body]),
      prints: [...groups!.body!.matchAll(/\/\/ → (.*)$/gm)].map(([, printed]) => printed!),
    }
  })
}

/** The text with all but these parts blanked: so that the compiler cites the lines of the page. */
function only(text: string, parts: readonly ([number, number] | undefined)[]): string {
  return text.replaceAll(/[^\n]/g, (char, at: number) =>
    parts.some(part => part !== undefined && part[0] <= at && at < part[1]) ? char : ' ',
  )
}

/** A new folder for snippets: in the repository, so that packages are found, where git, the linter and the formatter do not look. */
export function snippetFolder(): string {
  const reports = join(root, 'reports')
  mkdirSync(reports, { recursive: true })
  return mkdtempSync(join(reports, 'docs-'))
}
