import { useBulkInspector, type Recording } from '@bulkcall/inspector'
import { createYoga } from 'graphql-yoga'

export const yoga = createYoga({ plugins: [useBulkInspector({ enabled: () => true })] })
export const operationsOf = ({ operations }: Recording): number => operations.length
