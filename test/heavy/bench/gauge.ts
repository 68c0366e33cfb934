/* Loaded into each server before its own code, which so stays what it is: tells the runner what the process has used. */
import cluster from 'node:cluster'

export interface Gauge {
  /** Processor time of the whole process so far, in microseconds. */
  cpu: number
}

// A worker's channel leads to its primary, who asks nothing.
if (cluster.isPrimary) {
  process.on('message', () => {
    const { user, system } = process.cpuUsage()
    const gauge: Gauge = { cpu: user + system }
    process.send?.(gauge)
  })
  // Whether somebody listens to it keeps no server alive.
  process.channel?.unref()
}
