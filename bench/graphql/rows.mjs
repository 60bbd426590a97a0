/** The rows: each follows from its key. */

const several = (count, make) => Array.from({ length: count }, (_, place) => make(place))

export const post = id => ({
  id,
  authorId: (id * 3) % 40,
  editorId: 60 + ((id * 11) % 50),
  sponsorId: (id * 5) % 12,
  writerId: id % 20,
})

/** By the names of the loaders. */
export const rows = {
  users: id => ({ id, name: `user ${id}`, companyId: id }),
  postsOf: id => several(2, place => post(id * 2 + place)),
  commentsOf: id => several(3, place => ({ id: id * 3 + place, authorId: (id * 5 + place) % 60 })),
  companies: id => ({ id, name: `company ${id}`, countryId: id % 50 }),
  countries: id => ({ id, name: `country ${id}` }),
}
export const names = Object.keys(rows)

/** A backend in memory that answers any number of commands at once, after `wait`. */
export function memory(wait, count) {
  const commands = names.map(name => {
    const command = async keys => {
      count()
      await wait()
      return keys.map(rows[name])
    }
    return [name, command]
  })
  return {
    commands: Object.fromEntries(commands),
    async posts(n) {
      await wait()
      return several(n, post)
    },
    connections: null,
  }
}
