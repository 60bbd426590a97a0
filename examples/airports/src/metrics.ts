/**
 * The metrics: of operations, by Yoga's own plugin, and of bulks, in one registry.
 * @module
 */

import { measureBulks } from '@bulkcall/prometheus'
import { usePrometheus } from '@graphql-yoga/plugin-prometheus'
import type { Plugin } from 'graphql-yoga'
import { Registry } from 'prom-client'

export const metricsPath = '/metrics'

/** Answers requests to the path of the metrics, and counts all others. */
export function metricsPlugin(): Plugin {
  const registry = new Registry()
  measureBulks({ registry })
  return usePrometheus({ registry, endpoint: metricsPath })
}
