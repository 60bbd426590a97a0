/** A server without loaders, for operations that load nothing. */
import { yogaOver } from '../../graphql/yoga.mjs'

export const packages = ['graphql-yoga']

export const serve = backend => yogaOver(backend)
