// The instrumentation of OpenTelemetry: spans of load, loadMany and prime, and one of the batch with links to its loads.
const { context, trace } = require('@opentelemetry/api')
const { AsyncLocalStorageContextManager } = require('@opentelemetry/context-async-hooks')
const { DataloaderInstrumentation } = require('@opentelemetry/instrumentation-dataloader')
const {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} = require('@opentelemetry/sdk-trace-base')

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
const exporter = new InMemorySpanExporter()
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
trace.setGlobalTracerProvider(provider)
const instrumentation = new DataloaderInstrumentation({ requireParentSpan: false })
instrumentation.setTracerProvider(provider)

const DataLoader = require('dataloader')

async function main() {
  const users = new DataLoader(
    async ids => {
      if (ids.includes(9)) throw new Error('down')
      return ids.map(id => (id === 3 ? new Error('no user 3') : id))
    },
    { name: 'users' },
  )
  const asked = [users.load(1), users.load(2), users.load(3), users.load(1), users.loadMany([4, 1])]
  await Promise.allSettled(asked)
  users.prime(5, 5).clear(5).clearAll()
  await users.load(9).catch(() => {})
  const spans = exporter.getFinishedSpans()
  const nameOf = id => spans.find(span => span.spanContext().spanId === id)?.name
  console.log(
    JSON.stringify(
      spans.map(span => ({
        name: span.name,
        parent: nameOf(span.parentSpanContext?.spanId),
        links: span.links.map(link => nameOf(link.context.spanId)),
        status: span.status,
      })),
    ),
  )
}
void main()
