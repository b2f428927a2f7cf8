/**
 * What makes guessing slow: failures are counted by network and by login, and forgotten at a steady rate. A network with too many is
 * banned for a while; a login with too many is open only to addresses that have been right about it before, so that a stranger
 * cannot lock an owner out of a place known to be theirs. Who is on the allow list is neither counted nor banned.
 */
import { isIP } from "node:net";
import { hostOf } from "#net";

/** control/authbanfailures, authbanseconds: the failures an address may have at once, and how long it is banned then. */
export type GuardLimits = { readonly failures: number; readonly banSeconds: number };

/** How much one login may be tried from everywhere, and the time in which one failure is forgiven. */
const loginLimit = { failures: 20, forgivenMs: 30_000 } as const;
/** An address is forgiven one failure in this time. */
const addressForgivenMs = 60_000;
/** An answer to a wrong password waits; each further failure of the address doubles it. */
const firstDelayMs = 1_000;
const maxDelayMs = 8_000;
/** Strangers choose the names: beyond this many the oldest is forgotten. */
const maxKept = 10_000;

type Score = { readonly failures: number; readonly atMs: number };

function scoreNow(score: Score | undefined, forgivenMs: number, nowMs: number): number {
  if (score === undefined) return 0;
  return Math.max(0, score.failures - Math.max(0, nowMs - score.atMs) / forgivenMs);
}

function keep<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= maxKept) return;
  const oldest = map.keys().next();
  if (!oldest.done) map.delete(oldest.value);
}

const isLoopback = (ip: string): boolean => ip.startsWith("127.") || ip === "::1";

/** Why somebody is not listened to, or null. */
export type GuardRefusal = "banned" | "account" | null;

/** A ban that is in force: a network (an IPv4 address, an IPv6 /64) and the time it ends, Unix ms. */
export type Ban = { readonly network: string; readonly untilMs: number };

/** What outlives the process: bans, and the failures that lead to them. */
export type GuardState = {
  readonly bans: readonly (readonly [network: string, untilMs: number])[];
  readonly scores: readonly (readonly [network: string, failures: number, atMs: number])[];
};

/** Counts the failures of all services. Times are Unix ms, so that they mean the same to the next process. */
export class LoginGuard {
  readonly #addresses = new Map<string, Score>();
  readonly #logins = new Map<string, Score>();
  readonly #known = new Map<string, true>();
  readonly #bans = new Map<string, number>();
  readonly #limits: () => GuardLimits;
  readonly #isAllowed: (ip: string) => boolean;

  constructor(limits: () => GuardLimits, isAllowed: (ip: string) => boolean, kept?: GuardState) {
    this.#limits = limits;
    this.#isAllowed = isAllowed;
    for (const [network, untilMs] of kept?.bans ?? []) keep(this.#bans, network, untilMs);
    for (const [network, failures, atMs] of kept?.scores ?? []) keep(this.#addresses, network, { failures, atMs });
  }

  /** The allow list wins; the loopback is never banned: front ends live there. */
  #isFree(ip: string): boolean {
    return isLoopback(ip) || isIP(ip) === 0 || this.#isAllowed(ip);
  }

  /** May this address try this login now? */
  refusal(ip: string, login: string, nowMs: number): GuardRefusal {
    if (this.#isAllowed(ip)) return null;
    if (!this.#isFree(ip) && (this.#bans.get(hostOf(ip)) ?? 0) > nowMs) return "banned";
    const byLogin = scoreNow(this.#logins.get(login), loginLimit.forgivenMs, nowMs);
    return byLogin < loginLimit.failures || this.#known.has(`${ip} ${login}`) ? null : "account";
  }

  /** Notes a failure; how long its answer should wait, in milliseconds, and whether it led to a ban. */
  failed(ip: string, login: string, nowMs: number): { readonly delayMs: number; readonly banned: boolean } {
    if (this.#isAllowed(ip)) return { delayMs: firstDelayMs, banned: false };
    const network = hostOf(ip);
    const before = scoreNow(this.#addresses.get(network), addressForgivenMs, nowMs);
    keep(this.#addresses, network, { failures: before + 1, atMs: nowMs });
    const byLogin = scoreNow(this.#logins.get(login), loginLimit.forgivenMs, nowMs);
    keep(this.#logins, login, { failures: byLogin + 1, atMs: nowMs });
    // A front end on this machine brings everybody's mistakes: one guesser must not slow all others down.
    const steps = isLoopback(ip) ? 0 : Math.ceil(before);
    const delayMs = Math.min(maxDelayMs, firstDelayMs * 2 ** steps);
    const { failures, banSeconds } = this.#limits();
    const banned = failures > 0 && Math.ceil(before) + 1 >= failures && !this.#isFree(ip);
    if (banned) {
      keep(this.#bans, network, nowMs + banSeconds * 1000);
      this.#addresses.delete(network); // When the ban is over it starts anew.
    }
    return { delayMs, banned };
  }

  /** Notes a success: this address is known to be the login's. */
  succeeded(ip: string, login: string): void {
    this.#addresses.delete(hostOf(ip));
    keep(this.#known, `${ip} ${login}`, true);
  }

  /** The bans in force, the first to end first. */
  bans(nowMs: number): readonly Ban[] {
    return [...this.#bans]
      .map(([network, untilMs]) => ({ network, untilMs }))
      .filter(({ untilMs }) => untilMs > nowMs)
      .sort((a, b) => a.untilMs - b.untilMs);
  }

  /** What the next process should know. */
  state(nowMs: number): GuardState {
    const scores = [...this.#addresses].filter(([, score]) => scoreNow(score, addressForgivenMs, nowMs) > 0);
    return {
      bans: this.bans(nowMs).map(({ network, untilMs }) => [network, untilMs]),
      scores: scores.map(([network, { failures, atMs }]) => [network, failures, atMs]),
    };
  }
}
