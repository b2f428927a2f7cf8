/** qmail's tcpto constants (spec 4.10), in seconds where they are times. */
const quietSeconds = 120;
const maxCount = 10;
const blockingCount = 2;
const blockUnitSeconds = 64;
const blockUnits = 60;
const jitterUnits = 32;
/** Classic tables have 64 records; ours any number, within reason. */
const maxHosts = 10_000;
/** What one timeout weighs when the table is full and one record must go: 1024 seconds. */
const countWeightSeconds = 1024;

type DeadHost = { count: number; atSeconds: number };

/** One line of qmail-tcpto. */
export type DeadHostEntry = { readonly address: string; readonly secondsAgo: number; readonly count: number };

/**
 * The memory of hosts that do not answer (qmail's tcpto). After two connection timeouts at least two minutes apart with no
 * connection between them, a host is left alone for 64 to 97 minutes. Addresses of both families, in canonical form.
 */
export class DeadHosts {
  readonly #hosts = new Map<string, DeadHost>();
  readonly #nowSeconds: () => number;
  readonly #random: () => number;

  /** `nowSeconds`: Unix seconds. `random`: 0..1, spreads the end of a block (the classic table uses the process's number). */
  constructor(nowSeconds: () => number, random: () => number = Math.random) {
    this.#nowSeconds = () => Math.floor(nowSeconds());
    this.#random = random;
  }

  /** True if the host is to be left alone for now. */
  isBlocked(address: string): boolean {
    const host = this.#hosts.get(address);
    if (host === undefined || host.count < blockingCount) return false;
    const units = blockUnits + Math.floor(this.#random() * jitterUnits);
    return this.#nowSeconds() - host.atSeconds < units * blockUnitSeconds;
  }

  /** The connection timed out. Counts at most once in two minutes. */
  timedOut(address: string): void {
    const atSeconds = this.#nowSeconds();
    const host = this.#hosts.get(address);
    if (host === undefined) {
      if (this.#hosts.size >= maxHosts) this.#forgetOne();
      this.#hosts.set(address, { count: 1, atSeconds });
      return;
    }
    if (atSeconds < host.atSeconds + quietSeconds) return;
    host.count = Math.min(host.count + 1, maxCount);
    host.atSeconds = atSeconds;
  }

  /** The host is there: it took the connection or refused it. */
  answered(address: string): void {
    this.#hosts.delete(address);
  }

  /** Forgets all (qmail-tcpok). */
  clear(): void {
    this.#hosts.clear();
  }

  /** All that timed out lately (qmail-tcpto). */
  list(): readonly DeadHostEntry[] {
    const now = this.#nowSeconds();
    return [...this.#hosts].map(([address, { count, atSeconds }]) => ({ address, secondsAgo: now - atSeconds, count }));
  }

  #forgetOne(): void {
    let oldest: string | null = null;
    let oldestWeight = Number.POSITIVE_INFINITY;
    for (const [address, { count, atSeconds }] of this.#hosts) {
      const weight = atSeconds + count * countWeightSeconds;
      if (weight >= oldestWeight) continue;
      oldest = address;
      oldestWeight = weight;
    }
    if (oldest !== null) this.#hosts.delete(oldest);
  }
}
