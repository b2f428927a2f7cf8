import type { ByteString } from "#bytes";
import type { Address, ReversePath } from "#mail";

/** qmail's two outlets. */
export type Channel = "local" | "remote";

/** Numbers of `recipient.channel`. */
export const channelNumbers = { local: 0, remote: 1 } as const satisfies Record<Channel, number>;

/** Numbers of `recipient.state`. */
export const recipientStates = { pending: 0, done: 1, failed: 2, held: 3 } as const;

/** What the queue knows of one message, without its recipients and body. */
export type MessageRecord = {
  readonly id: number;
  /** When it was accepted, Unix milliseconds: part of every Maildir name made from it, never changed. */
  readonly bornAtMs: number;
  /** Where its age is counted from, Unix milliseconds: `bornAtMs` until someone renews or expires it (0 = expired). */
  readonly agedFromMs: number;
  readonly sender: ReversePath;
  /** Bytes of the stored message, the queue's Received line included. */
  readonly sizeBytes: number;
};

/** A recipient that is due, with what its delivery needs. */
export type DueRecipient = {
  readonly message: MessageRecord;
  readonly index: number;
  readonly address: Address;
  readonly channel: Channel;
  /** Lower-cased domain on the remote channel; "" on the local one. */
  readonly destination: ByteString;
  readonly dueAtMs: number;
  readonly attempts: number;
};
