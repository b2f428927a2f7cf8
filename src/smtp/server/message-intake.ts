import type { Outcome } from "#mail";
import { HopCounter, maxHops } from "./hop-counter.ts";

/** What the queue's door answers: an outcome, and the number it gave the message. */
export type DoorAnswer = Outcome & { readonly queueId: number | null };

/** One message on its way through the queue's door (the part of `#qmtp`'s type that is used here). */
export type Posting = {
  write(bytes: Uint8Array): Promise<void> | void;
  finish(): Promise<DoorAnswer>;
  abort(): void;
};

/** How a message fared: the door's answer, or why it never got that far. */
export type Fate =
  | { readonly kind: "answered"; readonly answer: DoorAnswer; readonly bytes: number }
  | { readonly kind: "too-big"; readonly bytes: number }
  | { readonly kind: "looping"; readonly bytes: number }
  | { readonly kind: "header-too-long" | "not-your-from" | "bad-from"; readonly bytes: number }
  | { readonly kind: "no-door"; readonly bytes: number };

/**
 * Why a message goes nowhere: larger than databytes, too many hops, a header that is too long to be completed or not its sender's, or the
 * way into the queue could not be opened.
 */
export type Refused = Exclude<Fate["kind"], "answered">;

/**
 * A message up to this size reaches the door in one write after its last byte, so that a slow or lost client never opens a
 * posting. A larger one is posted as it comes: nobody holds a whole message in memory (DESIGN section 3).
 */
export const gatherBytes = 64 * 1024;
/** Small pieces cost far more memory than their octets: a client that sends one a packet must not gain by that. */
const maxPieces = 256;

/** A header that is to be completed is held whole; no mail program writes one this long. */
const maxHeaderBytes = 256 * 1024;

/** Completes the beginning of a message, which holds its header; or why the message is refused for it. */
export type CompleteHead = (head: Buffer) => Buffer | "not-your-from" | "bad-from";

/**
 * Takes one decoded message in, piece by piece: counts bytes and hops, and passes it on behind our own Received line. What is
 * refused half-way is still read to its end by the caller, and goes nowhere. Ended by `finish` or `abort`.
 */
export class MessageIntake {
  readonly #post: () => Posting | null;
  readonly #maxBytes: number;
  readonly #hops = new HopCounter();
  #gathered: Buffer[];
  #gatheredBytes: number;
  #posting: Posting | null = null;
  #bytes = 0;
  #refused: Refused | null = null;
  /** Null: there is nothing to complete, or it is done. */
  #complete: CompleteHead | null;
  #refusedAt = 0;

  /** `post` opens the door (null: it cannot); `trace` goes first and counts for nothing; `maxBytes` is databytes, 0 for no limit. */
  constructor(options: {
    readonly post: () => Posting | null;
    readonly trace: Buffer;
    readonly maxBytes: number;
    readonly complete?: CompleteHead | null;
  }) {
    this.#post = options.post;
    this.#complete = options.complete ?? null;
    this.#maxBytes = options.maxBytes;
    this.#gathered = [options.trace];
    this.#gatheredBytes = options.trace.length;
  }

  /** Message bytes so far, with LF line ends. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Why nothing of this message will be queued; null as long as it may be. */
  get refused(): Refused | null {
    return this.#refused;
  }

  /** Bytes taken since the message was refused: what the client sends in vain. */
  get wastedBytes(): number {
    return this.#refused === null ? 0 : this.#bytes - this.#refusedAt;
  }

  /** Takes the next piece, which is ours from now on. Await what it returns: the door's backpressure. */
  add(bytes: Buffer): Promise<void> | void {
    if (bytes.length === 0) return;
    this.#bytes += bytes.length;
    if (this.#refused !== null) return;
    if (this.#maxBytes > 0 && this.#bytes > this.#maxBytes) return this.#refuse("too-big");
    if (this.#hops.inHeader) {
      this.#hops.look(bytes);
      if (this.#hops.hops >= maxHops) return this.#refuse("looping");
    }
    if (this.#posting !== null) return this.#posting.write(bytes);
    this.#gathered.push(bytes);
    this.#gatheredBytes += bytes.length;
    if (this.#complete !== null) {
      if (this.#hops.inHeader && this.#bytes > maxHeaderBytes) return this.#refuse("header-too-long");
      if (!this.#hops.inHeader && !this.#completeHead()) return;
    }
    if (this.#complete === null && this.#gatheredBytes > gatherBytes) return this.#flush();
    if (this.#gathered.length > maxPieces) {
      const [trace = Buffer.alloc(0), ...pieces] = this.#gathered;
      this.#gathered = [trace, Buffer.concat(pieces)];
    }
  }

  /** All bytes were given: resolves with what became of the message, durable if the answer is `done`. */
  async finish(): Promise<Fate> {
    if (this.#refused === null && this.#complete !== null) this.#completeHead(); // All of it was header.
    if (this.#refused !== null) return { kind: this.#refused, bytes: this.#bytes };
    await this.#flush();
    const posting = this.#posting;
    if (posting === null) return { kind: "no-door", bytes: this.#bytes };
    this.#posting = null; // From here on only the door can end it.
    return { kind: "answered", answer: await posting.finish(), bytes: this.#bytes };
  }

  /** The message is not wanted, or its sender is gone: nothing is queued. Changes nothing after `finish`. */
  abort(): void {
    this.#gathered = [];
    this.#posting?.abort();
    this.#posting = null;
  }

  /** The header is all there: completes it, behind our own line. False if the message is refused for it. */
  #completeHead(): boolean {
    const complete = this.#complete;
    this.#complete = null;
    const [trace = Buffer.alloc(0), ...pieces] = this.#gathered;
    const completed = complete === null ? Buffer.concat(pieces) : complete(Buffer.concat(pieces));
    if (typeof completed === "string") {
      this.#refuse(completed);
      return false;
    }
    this.#gathered = [trace, completed];
    this.#gatheredBytes = trace.length + completed.length;
    return true;
  }

  #refuse(why: Refused): void {
    this.#refused = why;
    this.#refusedAt = this.#bytes;
    this.abort();
  }

  /** Opens the posting if need be and hands over what was gathered. */
  #flush(): Promise<void> | void {
    this.#posting ??= this.#post();
    if (this.#posting === null) return this.#refuse("no-door");
    if (this.#gathered.length === 0) return;
    const bytes = this.#gathered.length === 1 ? this.#gathered[0]! : Buffer.concat(this.#gathered, this.#gatheredBytes);
    this.#gathered = [];
    return this.#posting.write(bytes);
  }
}
