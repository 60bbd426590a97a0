// MikroORM, over an SQLite in memory: references and collections that are loaded one by one, and asked for together.
import { DataloaderType, EntitySchema, MikroORM } from '@mikro-orm/libsql'

const id = { type: 'number', primary: true }
const name = { type: 'string' }
const Author = new EntitySchema({
  name: 'Author',
  properties: {
    id,
    name,
    boss: { kind: 'm:1', entity: 'Author', ref: true, nullable: true },
    books: { kind: '1:m', entity: 'Book', mappedBy: 'author', orderBy: { id: 'asc' } },
  },
})
const Book = new EntitySchema({
  name: 'Book',
  properties: {
    id,
    name,
    author: { kind: 'm:1', entity: 'Author', ref: true },
    tags: { kind: 'm:n', entity: 'Tag', fixedOrder: true },
  },
})
const Tag = new EntitySchema({ name: 'Tag', properties: { id, name } })

const queries = []
const orm = await MikroORM.init({
  entities: [Author, Book, Tag],
  dbName: ':memory:',
  dataloader: DataloaderType.ALL,
  debug: ['query'],
  colors: false,
  logger: line => queries.push(line.replace(/^\[query\] | \[took .*/g, '')),
})
await orm.schema.createSchema()

const writing = orm.em.fork()
for (const each of [1, 2, 3, 4]) {
  writing.create('Tag', { id: each, name: `tag ${each}` })
  writing.create('Author', { id: each, name: `author ${each}`, boss: each > 1 ? 1 : null })
}
for (const each of [1, 2, 3, 4, 5, 6, 7, 8])
  writing.create('Book', {
    id: each,
    name: `book ${each}`,
    author: (each % 3) + 2,
    tags: [(each % 4) + 1, 1],
  })
await writing.flush()
queries.length = 0

const em = orm.em.fork()
const books = await em.find('Book', {}, { orderBy: { id: 'asc' } })
const seen = await Promise.all(
  books.map(async book => {
    const author = await book.author.load()
    const [boss, own, tags] = await Promise.all([
      author.boss?.load(),
      author.books.loadItems(),
      book.tags.loadItems(),
    ])
    return [book.name, author.name, boss?.name, own.map(each => each.name), tags.map(each => each.name)]
  }),
)
console.log(JSON.stringify({ seen, queries }))
await orm.close()
