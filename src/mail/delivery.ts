import type { Address } from "./address.ts";
import type { ReversePath } from "./envelope.ts";

/** A message's stored bytes (LF line ends, the queue's Received line on top), readable at any offset, as often as needed. */
export type MessageSource = {
  readonly sizeBytes: number;
  /** The whole message when it is small (up to 128 KiB) and in memory already; null for a large one: `read` it piece by piece. */
  readonly whole: Buffer | null;
  /** Bytes from `offset`: exactly `length`, or fewer only at the end. At most 256 KiB a call. Throws if the queue is gone. */
  read(offset: number, length: number): Promise<Buffer>;
};

/** Who a local recipient belongs to (users/assign or qmail-getpw; spec 5.4, 5.5). Text fields are byte strings. */
export type LocalRoute = {
  readonly user: string;
  readonly uid: number;
  readonly gid: number;
  /** Absolute path. */
  readonly home: string;
  readonly dash: string;
  readonly ext: string;
};

/** One delivery attempt of one message to one recipient, as `local` workers and `remote` receive it from the scheduler. */
export type DeliveryJob = {
  /** The queue's number of the message, never reused in one queue. */
  readonly queueId: number;
  /** When the message entered the queue, Unix milliseconds. With `queueId` and `index` it names a Maildir file for good. */
  readonly bornAtMs: number;
  /** Which recipient of the message: 0.. */
  readonly index: number;
  /** VERP already expanded. */
  readonly sender: ReversePath;
  /** As routed (percent hack and virtual domain prefix applied); always with `@`. */
  readonly recipient: Address;
  /** True if an earlier attempt may have got through without our hearing of it (a crash): look before you write. */
  readonly again: boolean;
  /** True while the sender waits for the outcome: it is not to be delayed for the sake of others. */
  readonly awaited: boolean;
  /** Set on the local channel only. */
  readonly route: LocalRoute | null;
  readonly message: MessageSource;
};
