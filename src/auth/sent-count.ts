/**
 * How much a user may send: messages and recipients, by the hour and by the day (spec 4.6). A count is a bucket that empties at a
 * steady rate, so there is no full hour to wait for; what is kept of a user is four numbers and a time.
 */
import type { ByteString } from "#bytes";

/** Limits of one user; 0: none. */
export type SendingLimits = {
  readonly messagesPerHour: number;
  readonly recipientsPerHour: number;
  readonly messagesPerDay: number;
  readonly recipientsPerDay: number;
};

type Counts = {
  readonly hour: readonly [number, number];
  readonly day: readonly [number, number];
  readonly atMs: number;
};

/** What outlives the process. */
export type SentState = readonly (readonly [user: ByteString, counts: Counts])[];

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Users are ours, not strangers' inventions; still there is an end. */
const maxUsers = 100_000;

const none: Counts = { hour: [0, 0], day: [0, 0], atMs: 0 };

/** Four numbers by colons, as control/sendinglimits has them: messages and recipients an hour, the same a day. Null if they are not. */
export function parseSendingLimits(text: ByteString): SendingLimits | null {
  const found = /^([0-9]{1,9}):([0-9]{1,9}):([0-9]{1,9}):([0-9]{1,9})$/.exec(text.trim());
  if (found === null) return null;
  const [messagesPerHour = 0, recipientsPerHour = 0, messagesPerDay = 0, recipientsPerDay = 0] = found
    .slice(1)
    .map(Number);
  return { messagesPerHour, recipientsPerHour, messagesPerDay, recipientsPerDay };
}

function drained(count: number, limit: number, ms: number, windowMs: number): number {
  return limit === 0 ? 0 : Math.max(0, count - (limit * Math.max(0, ms)) / windowMs);
}

/** Counts what users send. Times are Unix ms. */
export class SentCount {
  readonly #users = new Map<ByteString, Counts>();

  constructor(kept: SentState = []) {
    for (const [user, counts] of kept) this.#users.set(user, counts);
  }

  /** May this user send one message to so many now? What may be sent is counted; what may not, is not. */
  spend(user: ByteString, recipients: number, limits: SendingLimits, nowMs: number): boolean {
    const { messagesPerHour, recipientsPerHour, messagesPerDay, recipientsPerDay } = limits;
    const was = this.#users.get(user) ?? { ...none, atMs: nowMs };
    const ms = nowMs - was.atMs;
    const wanted: readonly (readonly [count: number, limit: number])[] = [
      [drained(was.hour[0], messagesPerHour, ms, hourMs) + 1, messagesPerHour],
      [drained(was.hour[1], recipientsPerHour, ms, hourMs) + recipients, recipientsPerHour],
      [drained(was.day[0], messagesPerDay, ms, dayMs) + 1, messagesPerDay],
      [drained(was.day[1], recipientsPerDay, ms, dayMs) + recipients, recipientsPerDay],
    ];
    if (wanted.some(([count, limit]) => limit > 0 && count > limit)) return false;
    const [a = 0, b = 0, c = 0, d = 0] = wanted.map(([count]) => count);
    this.#users.delete(user);
    this.#users.set(user, { hour: [a, b], day: [c, d], atMs: nowMs });
    if (this.#users.size > maxUsers) this.#users.delete(this.#users.keys().next().value ?? "");
    return true;
  }

  /** What the next process should know: everybody who sent something within a day. */
  state(nowMs: number): SentState {
    return [...this.#users].filter(([, { atMs }]) => nowMs - atMs < dayMs);
  }
}
