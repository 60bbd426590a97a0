/**
 * Tips: what an element has to say when the pointer or the focus is on it. It is in `data-tip`, the first line as a
 * title.
 * @module
 */

import type { JSX } from 'preact'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { terms, type Term } from './words.ts'

/** A question mark behind a word: one sentence about it. */
export function Help({ term }: { readonly term: Term }): JSX.Element {
  return (
    <button type="button" class="help" aria-label={`About ${term}: ${terms[term]}`} data-tip={terms[term]}>
      ?
    </button>
  )
}

interface Shown {
  readonly text: string
  readonly x: number
  readonly top: number
  readonly bottom: number
}

export function Tip(): JSX.Element | null {
  const [shown, setShown] = useState<Shown | null>(null)
  const box = useRef<HTMLDivElement>(null)

  useEffect(() => {
    const show = (event: Event): void => {
      const of = event.target instanceof Element ? event.target.closest('[data-tip]') : null
      if (of === null) return setShown(null)
      const { left, right, top, bottom } = of.getBoundingClientRect()
      const x = event instanceof PointerEvent ? event.clientX : (left + right) / 2
      setShown({ text: of.getAttribute('data-tip')!, x, top, bottom })
    }
    const hide = (): void => setShown(null)
    const onKey = ({ key }: KeyboardEvent): void => {
      if (key === 'Escape') hide()
    }
    addEventListener('pointerover', show)
    addEventListener('focusin', show)
    addEventListener('scroll', hide, true)
    addEventListener('keydown', onKey)
    return () => {
      removeEventListener('pointerover', show)
      removeEventListener('focusin', show)
      removeEventListener('scroll', hide, true)
      removeEventListener('keydown', onKey)
    }
  }, [])

  // Where there is room: below its element or above, and never out of the page.
  useLayoutEffect(() => {
    if (shown === null || box.current === null) return
    const { offsetWidth: width, offsetHeight: height, style } = box.current
    const below = shown.bottom + 6 + height < innerHeight
    style.left = `${Math.max(6, Math.min(shown.x - width / 2, innerWidth - width - 6))}px`
    style.top = `${below ? shown.bottom + 6 : Math.max(6, shown.top - height - 6)}px`
  }, [shown])

  if (shown === null) return null
  const [title, ...lines] = shown.text.split('\n')
  return (
    <div class="tip" role="tooltip" ref={box}>
      {lines.length > 0 ? <b>{title}</b> : title}
      {lines.map(line => (
        <span key={line}>{line}</span>
      ))}
    </div>
  )
}
