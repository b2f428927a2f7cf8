import type { ByteString } from "#bytes";

/**
 * Sums by name, in bounded memory: beyond `maxNames` the half with the smaller weights is forgotten, so the heavy ones, which a report
 * shows, stay. What a name had before it was forgotten is lost to it: sums are then lower bounds.
 */
export class TopTable<T> {
  readonly #sums = new Map<ByteString, T>();
  readonly #make: () => T;
  readonly #weigh: (sums: T) => number;
  readonly #maxNames: number;
  /** How many names were forgotten. */
  forgotten = 0;

  constructor(make: () => T, weigh: (sums: T) => number, maxNames: number) {
    this.#make = make;
    this.#weigh = weigh;
    this.#maxNames = maxNames;
  }

  /** The sums of a name, made when it is first heard of. */
  of(name: ByteString): T {
    const known = this.#sums.get(name);
    if (known !== undefined) return known;
    if (this.#sums.size >= this.#maxNames) this.#forgetSmall();
    const fresh = this.#make();
    this.#sums.set(name, fresh);
    return fresh;
  }

  get size(): number {
    return this.#sums.size;
  }

  /** The heaviest, at most `count`; of equal weight by name. */
  top(count: number): readonly (readonly [name: ByteString, sums: T])[] {
    const all = [...this.#sums].map(([name, sums]) => ({ name, sums, weight: this.#weigh(sums) }));
    all.sort((a, b) => b.weight - a.weight || (a.name < b.name ? -1 : 1));
    return all.slice(0, count).map(({ name, sums }) => [name, sums] as const);
  }

  #forgetSmall(): void {
    const weights = Float64Array.from(this.#sums.values(), this.#weigh).sort();
    const middle = weights[weights.length >> 1]!;
    // Of the middle weight only as many go as make half: all may weigh the same.
    let left = weights.length >> 1;
    for (const [name, sums] of this.#sums) {
      if (left === 0) break;
      if (this.#weigh(sums) > middle) continue;
      this.#sums.delete(name);
      this.forgotten++;
      left--;
    }
  }
}
