/** Pseudorandom numbers, the same for the same seed (Mulberry32 by Tommy Ettinger, public domain). */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** Returns a number from 0 up to, but not including, 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** Returns a whole number below `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end)
  }

  /** Returns one of the list. Throws if it is empty. */
  pick<Item>(list: readonly Item[]): Item {
    const index = this.below(list.length)
    for (const [place, item] of list.entries()) if (place === index) return item
    throw new Error('There is nothing to pick from.')
  }
}
