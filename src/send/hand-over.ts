import type { Address } from "#mail";
import type { NewMessage, QueueStore, Settled } from "#queue";
import type { Live } from "./live.ts";

/*
 * Mail for a mailbox of this host is on its way there while its sender still waits for the 250. If it arrives, durably and soon, the
 * 250 rests on the mailbox, and the queue's disk never hears of the message. If it does not, the message is stored first, and all goes on as
 * ever. (sendmail has this as `SuperSafe=interactive`.) Either way a 250 means: it is on disk.
 *
 *   state        rows in the store   the sender
 *   H1 handed    none                waits
 *   H2 arrived   none, ever          has its 250: the delivery reported success, which it does after its sync
 *   H3 storing   in the next COMMIT  waits
 *   S4 queued    yes                 has its 250
 *
 * H1 -> H2 success; H1 -> H3 anything else, or no word within 200 ms; H3 -> S4 COMMIT. What comes of a delivery during H3 is written
 * down once S4 is reached. A crash in H1 or H3: the sender was not answered and sends again; the mailbox may then have it twice, as
 * with any server that dies before its answer (RFC 5321 §4.5.5, RFC 1047).
 */

/** A message that no row of the store holds yet. */
export type Unstored = {
  readonly message: NewMessage;
  readonly answer: Settled;
  /** Looks of the timer it has lived through. */
  looks: number;
  storing: boolean;
  onStored: (() => void) | null;
};

/**
 * The sender is kept waiting for a delivery until the timer has looked twice, which is 100 to 200 ms; then the message is stored after all.
 * (No clock: those that are set would do the wrong thing.)
 */
const lookMs = 100;
const patienceLooks = 2;
/** A mailbox that took longer is not waited for again for this long, in milliseconds; twice as long each time, up to the second figure. */
const slowForMs = 500;
const slowestForMs = 60_000;
const maxSlow = 1_000;

type Slow = { readonly untilMs: number; readonly forMs: number };

/** What hand-overs work with. `onRefused`: the disk refused a message, which is no longer. */
type HandOverHouse = {
  readonly store: QueueStore;
  readonly nowMs: () => number;
  readonly onRefused: (id: number) => void;
};

/** Messages whose senders wait for their delivery. */
export class HandOvers {
  readonly #house: HandOverHouse;
  /** Those that have ended stay until the next look. */
  #waiting: Live[] = [];
  readonly #slow = new Map<Address, Slow>();
  #timer: NodeJS.Timeout | null = null;

  constructor(house: HandOverHouse) {
    this.#house = house;
  }

  /** Whether it makes sense to try: a small message for one local recipient who was not slow lately. */
  suits({ id, body, recipients }: NewMessage): boolean {
    const [only] = recipients;
    if (only === undefined || recipients.length > 1 || only.channel !== "local" || body.kind !== "bytes") return false;
    // Its number names files for good, so it must not be given again after a crash.
    return this.#house.store.isReserved(id) && !((this.#slow.get(only.address)?.untilMs ?? 0) > this.#house.nowMs());
  }

  /** H1. */
  begin(live: Live, message: NewMessage, answer: Settled): void {
    live.unstored = { message, answer, looks: 0, storing: false, onStored: null };
    this.#waiting.push(live);
    this.#timer ??= setTimeout(() => this.#look(), lookMs);
  }

  /** H1 -> H2: true if the sender could be answered; false if the message is being stored, so that its end must wait. */
  arrived(live: Live): boolean {
    const { unstored } = live;
    if (unstored === null || unstored.storing) return false;
    live.unstored = null;
    if (this.#slow.size > 0) this.#slow.delete(addressOf(unstored));
    unstored.answer(null);
    return true;
  }

  /** H1 -> H3 -> S4, then `next`. If the disk refuses, the sender hears so and the message is gone. */
  store(live: Live, next: () => void): void {
    const { unstored } = live;
    if (unstored === null) {
      next();
      return;
    }
    unstored.onStored = next;
    if (unstored.storing) return;
    unstored.storing = true;
    this.#house.store.add(unstored.message, (error) => {
      live.unstored = null;
      if (error !== null) {
        live.removed = true;
        this.#house.onRefused(unstored.message.id);
      }
      unstored.answer(error);
      // Not from within the COMMIT: the mark that `onStored` makes must not miss the query the commit was made for.
      setImmediate(() => unstored.onStored?.());
    });
  }

  #look(): void {
    const waiting = this.#waiting.filter(({ unstored }) => unstored !== null && !unstored.storing);
    for (const { unstored } of waiting) if (unstored !== null) unstored.looks++;
    const isOverdue = ({ unstored }: Live): boolean => unstored !== null && unstored.looks >= patienceLooks;
    for (const live of waiting.filter(isOverdue)) {
      if (live.unstored !== null) this.#noteSlow(addressOf(live.unstored));
      this.store(live, () => {});
    }
    this.#waiting = waiting.filter(({ unstored }) => unstored !== null && !unstored.storing);
    this.#timer = this.#waiting.length > 0 ? setTimeout(() => this.#look(), lookMs) : null;
  }

  #noteSlow(address: Address): void {
    const now = this.#house.nowMs();
    const before = this.#slow.get(address);
    if (before !== undefined && before.untilMs > now) return; // The others of the same moment.
    if (this.#slow.size >= maxSlow) this.#slow.clear();
    const forMs = Math.min(before === undefined ? slowForMs : before.forMs * 2, slowestForMs);
    this.#slow.set(address, { untilMs: now + forMs, forMs });
  }
}

/** `suits` lets only messages with one recipient through. */
const addressOf = ({ message }: Unstored): Address => message.recipients[0]!.address;
