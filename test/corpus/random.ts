/** A stream of pseudo-random numbers that is the same for the same seed on every machine. */
export type Random = {
  /** A whole number from 0 up to, not including, `below` (at most 2^32). */
  below(below: number): number;
  /** One of the values. */
  pick<T>(values: readonly [T, ...T[]]): T;
  /** Octets 0..255. */
  bytes(length: number): Buffer;
};

/** The generator mulberry32: 32 bits of state, good enough to spread test cases, fast, and small enough to check by eye. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const below = (limit: number): number => Math.floor((next() / 0x1_0000_0000) * limit);
  return {
    below,
    pick: (values) => values[below(values.length)] ?? values[0],
    bytes(length) {
      const bytes = Buffer.allocUnsafe(length);
      for (let at = 0; at < length; at++) bytes[at] = next() >>> 24;
      return bytes;
    },
  };
}
