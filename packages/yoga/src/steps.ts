/**
 * Steps: what the fields of each document lead to, as earlier operations have shown it. Kept as long as the document is.
 * @module
 */

import { BulkCourse, type BulkStep } from '@bulkcall/core'
import type { FieldNode, GraphQLResolveInfo, SelectionNode, SelectionSetNode } from 'graphql'

type Fragments = GraphQLResolveInfo['fragments']

export class Steps {
  readonly #course = new BulkCourse()
  readonly #steps = new WeakMap<FieldNode, BulkStep>()

  /** The step of the field that is being resolved; none for who calls a resolver by hand and says no field. */
  of(info: Partial<GraphQLResolveInfo> | undefined): BulkStep | undefined {
    const { fieldNodes = [], fragments = {} } = info ?? {}
    const [first] = fieldNodes
    if (first === undefined) return undefined
    const step = this.#ofNode(first, fragments)
    // A field that is asked for in several places is resolved once, and leads to what all of them ask for.
    for (let i = 1; i < fieldNodes.length; i++) {
      const other = fieldNodes[i]!
      if (this.#steps.get(other) !== step) this.#lead(step, other, fragments)
    }
    return step
  }

  #ofNode(field: FieldNode, fragments: Fragments): BulkStep {
    return this.#steps.get(field) ?? this.#lead(this.#course.step(), field, fragments)
  }

  #lead(step: BulkStep, field: FieldNode, fragments: Fragments): BulkStep {
    // First, so that a document that goes in circles, since it was not validated, comes to an end.
    this.#steps.set(field, step)
    for (const next of fieldsOf(field.selectionSet, fragments)) step.leadsTo(this.#ofNode(next, fragments))
    return step
  }
}

/** The fields that are selected, here or in fragments. */
function fieldsOf(
  selectionSet: SelectionSetNode | undefined,
  fragments: Fragments,
  seen = new Set<string>(),
): FieldNode[] {
  return (selectionSet?.selections ?? []).flatMap(selection => {
    if (isOf('Field', selection)) return selection
    if (isOf('InlineFragment', selection)) return fieldsOf(selection.selectionSet, fragments, seen)
    const name = selection.name.value
    if (seen.has(name)) return []
    seen.add(name)
    return fieldsOf(fragments[name]?.selectionSet, fragments, seen)
  })
}

/** As a string, which the kind is in every major of graphql. */
function isOf<K extends SelectionNode['kind']>(
  kind: `${K}`,
  selection: SelectionNode,
): selection is Extract<SelectionNode, { readonly kind: K }> {
  return (selection.kind as string) === kind
}
