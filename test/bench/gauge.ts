/* Loaded into each server before its own code, which so stays what it is: tells the runner what the process has used. */

export interface Gauge {
  /** Processor time of the whole process so far, in microseconds. */
  cpu: number
}

process.on('message', () => {
  const { user, system } = process.cpuUsage()
  const gauge: Gauge = { cpu: user + system }
  process.send?.(gauge)
})

// Whether somebody listens to it keeps no server alive.
process.channel?.unref()
