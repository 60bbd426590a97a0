/**
 * The keyboard: arrows move in a list, and letters do what buttons do.
 * @module
 */

/** Moves the focus among the buttons of a list, or of all lists of its kind on the page. */
export function moveFocus(event: KeyboardEvent): void {
  const step = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key]
  if (step === undefined || !(event.target instanceof HTMLElement)) return
  const around = event.target.closest('[role="group"], nav')
  const buttons = [...(around?.querySelectorAll<HTMLElement>('li > button') ?? [])]
  const next = Math.min(Math.max(buttons.indexOf(event.target) + step, 0), buttons.length - 1)
  event.preventDefault()
  buttons[next]?.focus()
  // What has the focus is shown: a list is read by going down it.
  buttons[next]?.click()
}

/** Calls what a letter stands for, unless someone is typing. */
export function onLetters(actions: Readonly<Record<string, () => void>>): (event: KeyboardEvent) => void {
  return event => {
    const typing =
      event.target instanceof HTMLElement && event.target.matches('input:not([type=checkbox]), select')
    if (event.ctrlKey || event.metaKey || event.altKey || (typing && event.key !== 'Escape')) return
    const action = Object.hasOwn(actions, event.key) ? actions[event.key] : undefined
    if (action === undefined) return
    event.preventDefault()
    action()
  }
}
