/** What `make` answers, made when it is asked for first: what a start does without, it need not wait for. */
export function once<Result>(make: () => Result): () => Result {
  let made: { result: Result } | undefined
  return () => {
    made ??= { result: make() }
    return made.result
  }
}
