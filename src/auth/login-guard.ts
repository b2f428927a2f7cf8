/**
 * What makes guessing slow: failures are counted by address and by login, and forgotten at a steady rate. An address with too
 * many is not listened to; a login with too many only by addresses that have been right about it before, so that a
 * stranger cannot lock an owner out of a place known to be theirs.
 */

/** Failures an address may have at once, and the time in which one is forgiven. */
const addressLimit = { failures: 10, forgivenMs: 60_000 } as const;
const loginLimit = { failures: 20, forgivenMs: 30_000 } as const;
/** An answer to a wrong password waits; each further failure of the address doubles it. */
const firstDelayMs = 1_000;
const maxDelayMs = 8_000;
/** Strangers choose the names: beyond this many the oldest is forgotten. */
const maxKept = 10_000;

type Score = { failures: number; atMs: number };
type Limit = { readonly failures: number; readonly forgivenMs: number };

function scoreNow(score: Score | undefined, { forgivenMs }: Limit, nowMs: number): number {
  return score === undefined ? 0 : Math.max(0, score.failures - (nowMs - score.atMs) / forgivenMs);
}

function keep<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= maxKept) return;
  const oldest = map.keys().next();
  if (!oldest.done) map.delete(oldest.value);
}

const isLoopback = (ip: string): boolean => ip.startsWith("127.") || ip === "::1";

/** Counts failures of one service. Time is an argument, milliseconds of any steady clock. */
export class LoginGuard {
  readonly #addresses = new Map<string, Score>();
  readonly #logins = new Map<string, Score>();
  readonly #known = new Map<string, true>();

  /** May this address try this login now? The loopback has no limit of its own: front ends live there. */
  allows(ip: string, login: string, nowMs: number): boolean {
    const byAddress = scoreNow(this.#addresses.get(ip), addressLimit, nowMs);
    if (byAddress >= addressLimit.failures && !isLoopback(ip)) return false;
    const byLogin = scoreNow(this.#logins.get(login), loginLimit, nowMs);
    return byLogin < loginLimit.failures || this.#known.has(`${ip} ${login}`);
  }

  /** Notes a failure; how long its answer should wait, in milliseconds. */
  failed(ip: string, login: string, nowMs: number): number {
    const before = scoreNow(this.#addresses.get(ip), addressLimit, nowMs);
    keep(this.#addresses, ip, { failures: before + 1, atMs: nowMs });
    keep(this.#logins, login, { failures: scoreNow(this.#logins.get(login), loginLimit, nowMs) + 1, atMs: nowMs });
    return Math.min(maxDelayMs, firstDelayMs * 2 ** Math.floor(before));
  }

  /** Notes a success: this address is known to be the login's. */
  succeeded(ip: string, login: string): void {
    this.#addresses.delete(ip);
    keep(this.#known, `${ip} ${login}`, true);
  }
}
