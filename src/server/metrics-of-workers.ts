import cluster, { type Worker } from 'node:cluster'
import { AggregatorRegistry, type Registry } from 'prom-client'

const TYPE = 'gatehouse:metrics'
const COLLECT_TIMEOUT = 6_000

interface Message {
  type: typeof TYPE
  id: number
  text?: string
}

export function textOfAll(registry: Registry): () => Promise<string> {
  return cluster.isWorker ? askPrimary(registry) : () => registry.metrics()
}

function askPrimary(registry: Registry): () => Promise<string> {
  AggregatorRegistry.setRegistries(registry)
  new AggregatorRegistry() // responds to the primary
  const waiting = new Map<number, (text: string | undefined) => void>()
  let count = 0
  process.on('message', (message: unknown) => {
    if (isOurs(message)) waiting.get(message.id)?.(message.text)
  })
  return async () => {
    const id = ++count
    try {
      const text = await new Promise<string | undefined>((resolve) => {
        waiting.set(id, resolve)
        setTimeout(() => resolve(undefined), COLLECT_TIMEOUT).unref()
        process.send?.({ type: TYPE, id })
      })
      if (text === undefined) throw new Error('Could not collect the metrics of all workers.')
      return text
    } finally {
      waiting.delete(id)
    }
  }
}

export function gatherWorkerMetrics(): void {
  if (!cluster.isPrimary) return
  const all = new AggregatorRegistry()
  cluster.on('message', async (worker: Worker, message: unknown) => {
    if (!isOurs(message)) return
    const text = await all.clusterMetrics().catch(() => undefined)
    const reply: Message = { type: TYPE, id: message.id, ...(text !== undefined && { text }) }
    if (worker.isConnected()) worker.send(reply)
  })
}

function isOurs(message: unknown): message is Message {
  return typeof message === 'object' && message !== null && 'type' in message && message.type === TYPE
}
