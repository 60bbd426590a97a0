/**
 * Documents of GraphQL, as people read them: one field a line, and unless it is wanted no value in it.
 * @module
 */

import type { RecordedDocument } from './recording.ts'
import { copied, cut } from './words.ts'

/** A node of a document, of whichever version of graphql: whatever an executor or a plugin has made of it. */
interface Node {
  readonly kind?: string
  readonly [name: string]: unknown
}

/** More lines than anyone reads, and more letters in one. */
const mostLines = 1_000
const longestLine = 300
/** As deep as documents of people are: one that goes in circles was never validated. */
const deepest = 50

/** The lines of one operation and of the fragments that it uses, and which field each line is. */
export interface Printed {
  readonly lines: RecordedDocument['lines']
  readonly fields: ReadonlyMap<object, number>
}

/** @param values whether numbers and strings are shown that stand in the document */
export function print(definitions: readonly unknown[], operation: object, values: boolean): Printed {
  return new Printer(definitions as readonly Node[], values).print(operation as Node)
}

class Printer {
  readonly #definitions: readonly Node[]
  readonly #values: boolean
  readonly #lines: [depth: number, text: string][] = []
  readonly #fields = new Map<object, number>()
  readonly #fragments = new Set<string>()

  constructor(definitions: readonly Node[], values: boolean) {
    this.#definitions = definitions
    this.#values = values
  }

  print(operation: Node): Printed {
    const { operation: kind, name, variableDefinitions, directives } = operation
    const variables = list(variableDefinitions).map(
      each => `$${nameOf(node(each['variable'])['name'])}: ${this.#type(node(each['type']))}`,
    )
    const title = [word(kind), name === undefined ? '' : ` ${nameOf(name)}`, parens(variables)].join('')
    this.#block(0, title + this.#directives(directives), operation)
    // Those that fragments spread are found while they are printed: the set grows.
    for (const fragment of this.#fragments) {
      const found = this.#definitions.find(
        each => each.kind === 'FragmentDefinition' && nameOf(each['name']) === fragment,
      )
      if (found !== undefined) this.#block(0, `fragment ${fragment} on ${this.#on(found)}`, found)
    }
    return { lines: this.#lines, fields: this.#fields }
  }

  #block(depth: number, title: string, { selectionSet }: Node): void {
    const selections = list(node(selectionSet)['selections'])
    this.#line(depth, selections.length === 0 ? title : `${title} {`)
    if (selections.length === 0 || depth > deepest) return
    for (const selection of selections) this.#selection(depth + 1, selection)
    this.#line(depth, '}')
  }

  #line(depth: number, text: string): void {
    if (this.#lines.length < mostLines) this.#lines.push([depth, copied(cut(text, longestLine))])
  }

  #selection(depth: number, selection: Node): void {
    const directives = this.#directives(selection['directives'])
    if (selection.kind === 'FragmentSpread') {
      const name = nameOf(selection['name'])
      this.#fragments.add(name)
      return this.#line(depth, `...${name}${directives}`)
    }
    if (selection.kind === 'InlineFragment') {
      const on = selection['typeCondition'] === undefined ? '' : ` on ${this.#on(selection)}`
      return this.#block(depth, `...${on}${directives}`, selection)
    }
    if (this.#lines.length < mostLines) this.#fields.set(selection, this.#lines.length)
    const alias = selection['alias'] === undefined ? '' : `${nameOf(selection['alias'])}: `
    const args = parens(list(selection['arguments']).map(each => this.#argument(each)))
    this.#block(depth, alias + nameOf(selection['name']) + args + directives, selection)
  }

  #argument(argument: Node): string {
    return `${nameOf(argument['name'])}: ${this.#value(node(argument['value']), 0)}`
  }

  /** Numbers and strings are what clients ask for; the rest is how they ask. */
  #value(value: Node, depth: number): string {
    const all = list(value['values'] ?? value['fields'])
    if (depth > deepest || all.length > 100) return '…'
    switch (value.kind ?? '') {
      case 'Variable':
        return `$${nameOf(value['name'])}`
      case 'NullValue':
        return 'null'
      case 'BooleanValue':
      case 'EnumValue':
        return word(value['value'])
      case 'ListValue': {
        const values = all.map(each => this.#value(each, depth + 1))
        return values.every(each => each === '…') ? '…' : `[${values.join(', ')}]`
      }
      case 'ObjectValue':
        return `{ ${all.map(each => `${nameOf(each['name'])}: ${this.#value(node(each['value']), depth + 1)}`).join(', ')} }`
      case 'IntValue':
      case 'FloatValue':
        return this.#values ? word(value['value']) : '…'
      case 'StringValue':
        return this.#values ? JSON.stringify(value['value']) : '…'
      default:
        return '…'
    }
  }

  #directives(directives: unknown): string {
    return list(directives)
      .map(
        each =>
          ` @${nameOf(each['name'])}${parens(list(each['arguments']).map(argument => this.#argument(argument)))}`,
      )
      .join('')
  }

  #on({ typeCondition }: Node): string {
    return nameOf(node(typeCondition)['name'])
  }

  #type(type: Node, depth = 0): string {
    if (depth > deepest) return '…'
    if (type.kind === 'NonNullType') return `${this.#type(node(type['type']), depth + 1)}!`
    return type.kind === 'ListType' ? `[${this.#type(node(type['type']), depth + 1)}]` : nameOf(type['name'])
  }
}

function parens(parts: readonly string[]): string {
  return parts.length === 0 ? '' : `(${parts.join(', ')})`
}

function node(value: unknown): Node {
  return typeof value === 'object' && value !== null ? (value as Node) : {}
}

function list(value: unknown): readonly Node[] {
  return Array.isArray(value) ? value.map(node) : []
}

function nameOf(name: unknown): string {
  return word(node(name)['value'])
}

/** Names and values are texts, but for booleans. */
function word(value: unknown): string {
  return typeof value === 'string' || typeof value === 'boolean' ? `${value}` : ''
}
