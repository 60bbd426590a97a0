/**
 * A habit: what earlier loaders of one kind have shown of their keys, so that a later one need not find it out again.
 * @module
 */

/** Below so many loads a bulk is cheap whatever is done with it. */
const few = 64

export class Habit {
  /** Whether many keys of a bulk are equal: then they had better be looked up as they come, not when the bulk starts. */
  repeats = false

  /** A bulk has started: so many keys, and so many more loads of them. */
  saw(keys: number, repeats: number): void {
    this.repeats = keys + repeats >= few && repeats * 8 >= keys + repeats
  }
}

const habits = new WeakMap<object, Habit>()

/** The habit of those who load by this command. */
export function habitOf(command: object): Habit {
  let habit = habits.get(command)
  if (habit === undefined) habits.set(command, (habit = new Habit()))
  return habit
}
