// What these platforms set themselves, in functions that end or freeze between requests.
const FUNCTIONS = ['AWS_LAMBDA_FUNCTION_NAME', 'FUNCTION_TARGET', 'FUNCTIONS_WORKER_RUNTIME']

/** Throws if a process like this cannot run a site, and says what to do. */
export function refusePlatform(): void {
  const name = FUNCTIONS.find((one) => process.env[one] !== undefined)
  if (name !== undefined) {
    throw new Error(
      `Gatehouse cannot run in a serverless function (${name} is set): emails and clean-up need a process that stays. Use a server or a container.`,
    )
  }
  if (lacksWorkers()) {
    throw new Error(
      'Gatehouse hashes passwords in worker threads, and Node does not allow them here. Start Node with --allow-worker.',
    )
  }
}

// Node sets `permission` only with --permission.
function lacksWorkers(): boolean {
  const { permission }: { permission?: NodeJS.ProcessPermission } = process
  return permission?.has('worker') === false
}
