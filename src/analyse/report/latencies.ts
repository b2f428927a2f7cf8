/** Fine buckets: so many for each doubling of time, from a millisecond up; a percentile is right to 5%. */
const perDoubling = 16;
const leastSeconds = 0.001;
const doublings = 36;

/** Coarse buckets, as people think of delays: upper edges in seconds. */
export const latencyEdges: readonly number[] = [0.1, 0.3, 1, 3, 10, 30, 60, 300, 1800, 3600, 21_600, 86_400];

/** Delays in fixed memory: count, mean, largest, percentiles, and a histogram. */
export class Latencies {
  readonly #fine = new Float64Array(perDoubling * doublings);
  readonly coarse = new Float64Array(latencyEdges.length + 1);
  count = 0;
  sum = 0;
  max = 0;

  /** Takes a delay in seconds; a clock that was set back may make it negative, which counts as none. */
  take(seconds: number): void {
    const delay = Math.max(0, seconds);
    this.count++;
    this.sum += delay;
    if (delay > this.max) this.max = delay;
    const at = delay <= leastSeconds ? 0 : Math.floor(Math.log2(delay / leastSeconds) * perDoubling);
    this.#fine[Math.min(at, this.#fine.length - 1)]!++;
    let edge = 0;
    while (edge < latencyEdges.length && delay > latencyEdges[edge]!) edge++;
    this.coarse[edge]!++;
  }

  /** Within how many seconds this share (0..1) of all had happened; 0 if there are none. */
  within(share: number): number {
    const wanted = this.count * share;
    let seen = 0;
    for (let at = 0; at < this.#fine.length; at++) {
      seen += this.#fine[at]!;
      if (seen >= wanted && seen > 0) return Math.min(this.max, leastSeconds * 2 ** ((at + 0.5) / perDoubling));
    }
    return this.max;
  }

  /** What a summary says of them; seconds. */
  facts() {
    const of = (share: number): number => Number(this.within(share).toPrecision(3));
    const mean = this.count === 0 ? 0 : Number((this.sum / this.count).toPrecision(6));
    return { count: this.count, mean, p50: of(0.5), p90: of(0.9), p95: of(0.95), p99: of(0.99), max: this.max };
  }
}
