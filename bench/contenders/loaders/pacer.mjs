/** It gives callers nothing back, so each item carries the ends of its promise. Its window begins anew with each item. */
import { AsyncBatcher } from '@tanstack/pacer'

export const packages = ['@tanstack/pacer']

export const makerOf =
  ({ window = 0 } = {}) =>
  command => {
    const batcher = new AsyncBatcher(
      async items => {
        const answers = await command(items.map(({ key }) => key))
        items.forEach(({ settle }, place) => settle(answers[place]))
      },
      { wait: window },
    )
    return {
      load: key =>
        new Promise((settle, fail) => {
          batcher.addItem({ key, settle }).catch(fail)
        }),
    }
  }
