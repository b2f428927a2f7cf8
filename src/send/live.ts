import type { ByteString } from "#bytes";
import type { Address } from "#mail";
import type { Channel, MessageRecord } from "#queue";

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
export const claimKey = (id: number, index: number): string => `${id}:${index}`;
