/** Modules are named as they are imported, and what the API refers to and does not export is not shown. */

import { Converter, ReflectionKind } from 'typedoc'

/** @param {import('typedoc').Application} app */
export function load(app) {
  app.converter.on(
    Converter.EVENT_RESOLVE_BEGIN,
    ({ project }) => {
      for (const module of project.getChildrenByKind(ReflectionKind.Module)) {
        module.name = `@bulkcall/${module.name.split('/')[0]}`
        for (const internal of module.getChildrenByKind(ReflectionKind.Module))
          project.removeReflection(internal)
      }
    },
    -100,
  )
}
