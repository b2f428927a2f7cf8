import type { ByteString } from "#bytes";
import type { Address } from "#mail";
import type { Channel, MessageRecord, NewMessage, QueueStore } from "#queue";
import type { Unstored } from "./hand-over.ts";

/** A message of which at least one recipient is in memory: waiting its turn, parked, or being delivered. */
export type Live = {
  record: MessageRecord;
  /** Recipients that are not finished, in memory or not. */
  left: number;
  /** Recipients in memory. */
  claimed: number;
  /** Some recipient failed for good: a bounce is owed when `left` is 0. */
  failed: boolean;
  held: boolean;
  removed: boolean;
  /** The whole message, while memory lasts. */
  body: Buffer | null;
  /** Set while no row of it is in the store. */
  unstored: Unstored | null;
};

/** One recipient in memory. */
export type Pending = {
  readonly live: Live;
  readonly index: number;
  readonly address: Address;
  readonly channel: Channel;
  readonly destination: ByteString;
  readonly attempts: number;
  /** When it was taken up, Unix milliseconds: the next retry is counted from there (spec 4.4). */
  readonly passStartedMs: number;
};

/** The name of a recipient in the set of those in memory. */
export const claimKey = ({ live, index }: Pick<Pending, "live" | "index">): string => `${live.record.id}:${index}`;

/** Message bytes kept in memory for their first attempt, all messages together. */
const maxBodyBytes = 64 * 1024 * 1024;

/** The messages in memory, by number. A message is forgotten when its last recipient leaves memory. */
export class LiveMessages {
  readonly #store: QueueStore;
  readonly #known = new Map<number, Live>();
  #bodyBytes = 0;

  constructor(store: QueueStore) {
    this.#store = store;
  }

  get(id: number): Live | undefined {
    return this.#known.get(id);
  }

  /** A message that was queued just now; its body stays in memory if there is room. */
  add(message: NewMessage): Live {
    const { id, bornAtMs, sender, body } = message;
    const sizeBytes = body.kind === "bytes" ? body.bytes.length : body.sizeBytes;
    const live = newLive({ id, bornAtMs, agedFromMs: bornAtMs, sender, sizeBytes }, message.recipients.length, false);
    if (body.kind === "bytes" && this.#bodyBytes + sizeBytes <= maxBodyBytes) {
      live.body = body.bytes;
      this.#bodyBytes += sizeBytes;
    }
    this.#known.set(id, live);
    return live;
  }

  /** A message of the store. Call only right after `store.flush()`: its numbers come from what was committed. */
  wake(record: MessageRecord): Live {
    const known = this.#known.get(record.id);
    if (known !== undefined) return known;
    const { id } = record;
    const live = newLive(record, this.#store.unfinished(id), this.#store.failures(id).length > 0);
    this.#known.set(id, live);
    return live;
  }

  /** Reads the record of a message again, after an admin changed it. */
  refresh(id: number): void {
    const live = this.#known.get(id);
    if (live !== undefined) live.record = this.#store.message(id) ?? live.record;
  }

  /** One recipient less in memory. */
  release(live: Live): void {
    live.claimed--;
    this.forgetUnclaimed(live);
  }

  /** Forgets a message of which no recipient is in memory. */
  forgetUnclaimed(live: Live): void {
    if (live.claimed > 0) return;
    if (live.body !== null) this.#bodyBytes -= live.body.length;
    live.body = null;
    this.#known.delete(live.record.id);
  }
}

function newLive(record: MessageRecord, left: number, failed: boolean): Live {
  return { record, left, claimed: 0, failed, held: false, removed: false, body: null, unstored: null };
}
