/* Loaded into each server before its own, unchanged code: reports to the runner what the process has used. */
import cluster from 'node:cluster'

export interface Gauge {
  /** CPU time of the whole process so far, in microseconds. */
  cpu: number
}

// A worker's channel goes to its primary, which never asks.
if (cluster.isPrimary) {
  process.on('message', () => {
    const { user, system } = process.cpuUsage()
    const gauge: Gauge = { cpu: user + system }
    process.send?.(gauge)
  })
  // The channel must not keep the server alive.
  process.channel?.unref()
}
