/**
 * The keyboard: arrows move in a list, and letters do what buttons do.
 * @module
 */

import { clamp } from './numbers.ts'

/** Moves the focus among the bulks of a chart or the entries of a list. */
export function moveFocus(event: KeyboardEvent): void {
  const step = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key]
  if (step === undefined || !(event.target instanceof HTMLElement)) return
  const around = event.target.closest('.chart, nav, .runs')
  const buttons = [...(around?.querySelectorAll<HTMLElement>('.bulk > button, li > button') ?? [])]
  const place = buttons.indexOf(event.target)
  if (place === -1) return
  const next = buttons[clamp(place + step, 0, buttons.length - 1)]
  event.preventDefault()
  next?.focus()
  // What has the focus is shown: a list is read by going down it.
  next?.click()
}

/** Whether a key goes into a text, or an arrow moves a control. */
function isTyping({ target, key }: KeyboardEvent): boolean {
  const controls = key.startsWith('Arrow') ? 'input, select' : 'input[type=search], select'
  return target instanceof HTMLElement && target.matches(controls)
}

/** Calls what a key stands for, unless someone is typing. */
export function onKeys(actions: Readonly<Record<string, () => void>>): (event: KeyboardEvent) => void {
  return event => {
    if (event.ctrlKey || event.metaKey || event.altKey || (isTyping(event) && event.key !== 'Escape')) return
    const action = Object.hasOwn(actions, event.key) ? actions[event.key] : undefined
    if (action === undefined) return
    event.preventDefault()
    action()
  }
}
