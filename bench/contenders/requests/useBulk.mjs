/** What the plugin gives to a request, without the cost of Yoga around it: its hook is called as Yoga calls it. */
import { useBulk } from '@bulkcall/yoga'

export const packages = ['@bulkcall/yoga']

export const serverOf = commands => {
  const names = commands.map((_, place) => `loader${place}`)
  const plugin = useBulk(Object.fromEntries(commands.map((command, place) => [names[place], command])))
  return () => {
    const context = {}
    plugin.onEnveloped({ context, extendContext: extension => Object.assign(context, extension) })
    return place => context.bulk[names[place]]
  }
}
