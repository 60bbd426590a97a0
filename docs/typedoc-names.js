/** Modules are named as they are imported, and of what the API refers to and does not export only the classes are shown. */

import { Converter, ReflectionKind } from 'typedoc'

/** They are exported under a type that reads results off the command. */
const classes = new Set(['AsyncBulkCall', 'BulkLoader', 'SharedLoader'])

/** @param {import('typedoc').Application} app */
export function load(app) {
  app.converter.on(
    Converter.EVENT_RESOLVE_BEGIN,
    ({ project }) => {
      for (const module of project.getChildrenByKind(ReflectionKind.Module)) {
        module.name = `@bulkcall/${module.name.split('/')[0]}`
        for (const internal of module.getChildrenByKind(ReflectionKind.Module)) {
          internal.name = 'Classes'
          for (const child of internal.children?.slice() ?? [])
            if (!classes.has(child.name)) project.removeReflection(child)
          if ((internal.children ?? []).length === 0) project.removeReflection(internal)
        }
      }
    },
    -100,
  )
}
