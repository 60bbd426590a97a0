import { BulkcallInstrumentation } from '@bulkcall/opentelemetry'
import { trace } from '@opentelemetry/api'

const instrumentation = new BulkcallInstrumentation()
instrumentation.setTracerProvider(trace.getTracerProvider())
instrumentation.disable()
