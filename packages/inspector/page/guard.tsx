/**
 * A guard: what cannot be drawn says so, and takes nothing else of the page along.
 * @module
 */

import { Component, type ComponentChildren } from 'preact'

interface Props {
  /** What is drawn: with another one it is tried again. */
  readonly of: unknown
  readonly children: ComponentChildren
}

interface State {
  readonly failed: unknown
  readonly error: string | null
}

export class Guard extends Component<Props, State> {
  override state: State = { failed: null, error: null }

  override componentDidCatch(error: unknown): void {
    this.setState({ failed: this.props.of, error: String(error) })
  }

  override render({ of, children }: Props, { failed, error }: State): ComponentChildren {
    if (error === null || failed !== of) return children
    return (
      <div class="nothing" role="alert">
        <h2>This run cannot be drawn.</h2>
        <p>{error}</p>
      </div>
    )
  }
}
