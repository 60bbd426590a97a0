import { measureBulks } from '@bulkcall/prometheus'
import { Registry } from 'prom-client'

export const stop: () => void = measureBulks({ registry: new Registry() })
