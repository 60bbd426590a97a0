/** Not a loader: so many workers as there are slots, each with its share of the bulks, and nothing between two bulks. */
export const makerOf =
  ({ size, concurrent }) =>
  command => ({
    async each(keys) {
      const share = keys.length / concurrent
      const worker = async (_, place) => {
        const answers = []
        for (let from = place * share; from < (place + 1) * share; from += size)
          answers.push(...(await command(keys.slice(from, from + size))))
        return answers
      }
      return (await Promise.all(Array.from({ length: concurrent }, worker))).flat()
    },
  })
