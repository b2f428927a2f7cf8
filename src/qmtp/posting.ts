import type { Envelope, Origin, Outcome } from "#mail";
import type { ClientFacts } from "./door-protocol.ts";

/** What the queue says: done with its number, or why not, in qmail-queue's words (`qq write error or disk full (#4.3.0)`). */
export type DoorAnswer = Outcome & { readonly queueId: number | null };

/** One message on its way into a queue. End it with exactly one of `finish` and `abort`. */
export type Posting = {
  /** Hands over message bytes (LF line ends). A promise means: wait, the queue is slower than you. */
  write(bytes: Uint8Array): Promise<void> | void;
  /** All bytes are given: resolves once the message is durable, or with the reason why it is not. Never rejects. */
  finish(): Promise<DoorAnswer>;
  /** Nothing is queued. */
  abort(): void;
};

/** A way into a queue. */
export type Door = {
  /** `client`: what is known of who sent it; only a filter's door listens to that. */
  post(envelope: Envelope, origin: Origin, client?: ClientFacts): Posting;
  /** Tells the queue what was counted since the last time, for its metrics. Lost if nobody listens: nothing waits for it. */
  tell?(counters: Readonly<Record<string, number>>): void;
  /** Lets go of the connection once what is under way is answered. */
  close(): Promise<void>;
};
