import { type ByteString, lowerAscii } from "#bytes";
import { Fields, type LogNumber } from "./fields.ts";
import { Stamp } from "./stamp.ts";

/** A message between its `info` and its `end` line. `S` is how the reader keeps stamps: as text (matchup) or as seconds (reports). */
export type OpenMessage<S> = {
  readonly id: LogNumber;
  readonly birth: S;
  readonly bytes: LogNumber;
  /** With its angle brackets, lower-cased. */
  readonly sender: ByteString;
  readonly qp: LogNumber;
  readonly uid: LogNumber;
  successes: LogNumber;
  deferrals: LogNumber;
  failures: LogNumber;
};

/** An attempt between its `starting delivery` and its `delivery` line. */
export type OpenDelivery<S> = {
  readonly id: LogNumber;
  readonly message: LogNumber;
  readonly channel: ByteString;
  /** Lower-cased. */
  readonly recipient: ByteString;
  readonly start: S;
};

/** How an attempt ended: k success, z deferral, d failure; "?" for a word nobody knows. */
export type Result = "k" | "z" | "d" | "?";

/** What a matcher tells. */
export type MatchListener<S> = {
  /** An attempt ended. `message` is null if its `info` line was not seen. `reason` as logged: `_` for blanks. */
  delivered(
    delivery: OpenDelivery<S>,
    message: OpenMessage<S> | null,
    result: Result,
    end: S,
    reason: ByteString,
  ): void;
  /** A message left the queue. */
  finished(message: OpenMessage<S>, end: S): void;
};

/** What became of a line: used; of no use here; `warning:` or `alert:`; nothing this grammar knows. */
export type Heard = "used" | "dropped" | "trouble" | "unknown";

/** What a reader that keeps sums looks at of an address or a reason: what it says stands at its begin. */
export const enoughTextBytes = 1024;

/** What share of a full table is forgotten at once. */
const forgottenShare = 1 / 8;

/** What a matcher may keep; unbounded if left out. */
export type MatchBounds = {
  /** How many open messages, and open deliveries; the oldest are forgotten beyond it. */
  readonly maxOpen: number;
  /** How much of an address or a reason. */
  readonly maxTextBytes: number;
};

const resultWords: readonly (readonly [start: string, result: Result])[] = [
  ["succ", "k"],
  ["fail", "d"],
  ["defer", "z"],
  ["report", "z"],
];

const plusOne = (count: LogNumber): LogNumber => (typeof count === "number" ? count + 1 : String(BigInt(count) + 1n));

/**
 * Puts the lines of qmail-send together (spec, section 2): a delivery's start with its end, both with their message. Hash tables, so a
 * queue of a million recipients costs no more per line than one of ten.
 */
export class Matcher<S> {
  readonly #stampOf: (stamp: Stamp) => S;
  readonly #listener: MatchListener<S>;
  readonly #maxOpen: number;
  readonly #maxText: number;
  readonly #messages = new Map<LogNumber, OpenMessage<S>>();
  readonly #deliveries = new Map<LogNumber, OpenDelivery<S>>();
  readonly stamp = new Stamp();
  readonly fields = new Fields();
  /** Messages and deliveries that were forgotten for lack of room. */
  forgotten = 0;

  constructor(stampOf: (stamp: Stamp) => S, listener: MatchListener<S>, bounds?: MatchBounds) {
    this.#stampOf = stampOf;
    this.#listener = listener;
    this.#maxOpen = bounds?.maxOpen ?? Number.POSITIVE_INFINITY;
    this.#maxText = bounds?.maxTextBytes ?? Number.POSITIVE_INFINITY;
  }

  /** Open messages, in the order they were born. */
  get messages(): Iterable<OpenMessage<S>> {
    return this.#messages.values();
  }

  /** Attempts under way, in the order they were started. */
  get deliveries(): Iterable<OpenDelivery<S>> {
    return this.#deliveries.values();
  }

  get openMessages(): number {
    return this.#messages.size;
  }

  get openDeliveries(): number {
    return this.#deliveries.size;
  }

  /** Takes a whole line, stamp included. */
  line(bytes: Buffer, from: number, to: number): Heard {
    this.stamp.read(bytes, from, to);
    this.fields.split(bytes, this.stamp.body, to);
    return this.heard(this.fields.text(0));
  }

  /** Takes a line that `stamp` and `fields` have been set to; `word` is its first. */
  heard(word: ByteString): Heard {
    switch (word) {
      case "status:":
      case "number":
      case "local":
      case "local:":
      case "remote":
      case "remote:":
        return "dropped";
      case "starting":
        return this.#starting();
      case "delivery":
        return this.#delivery();
      case "new":
        this.#messages.delete(this.fields.number(2));
        return "used";
      case "info":
        return this.#info();
      case "end":
        return this.#end();
      case "extra":
        return this.#extra();
      case "running":
      case "exiting":
        this.#deliveries.clear();
        return "used";
      case "warning:":
      case "alert:":
        return "trouble";
      default:
        return "unknown";
    }
  }

  #starting(): Heard {
    const { fields } = this;
    const id = fields.delivery(2);
    // A repeated number replaces what was there, and stands where a new one would.
    this.#deliveries.delete(id);
    this.#makeRoom(this.#deliveries);
    const start = this.#stampOf(this.stamp);
    const recipient = lowerAscii(fields.text(7, this.#maxText));
    this.#deliveries.set(id, {
      id,
      message: fields.number(4),
      channel: fields.text(6, this.#maxText),
      recipient,
      start,
    });
    return "used";
  }

  #delivery(): Heard {
    const { fields } = this;
    const id = fields.delivery(1);
    const delivery = this.#deliveries.get(id);
    if (delivery === undefined) return "dropped";
    this.#deliveries.delete(id);
    const message = this.#messages.get(delivery.message) ?? null;
    const word = fields.text(2);
    const [start, result] = resultWords.find(([first]) => word.startsWith(first)) ?? ["", "?" as const];
    if (message !== null && result === "k") message.successes = plusOne(message.successes);
    if (message !== null && result === "d") message.failures = plusOne(message.failures);
    if (message !== null && result === "z") message.deferrals = plusOne(message.deferrals);
    const reason = start === "report" ? "report_mangled" : result === "?" ? "" : fields.text(3, this.#maxText);
    this.#listener.delivered(delivery, message, result, this.#stampOf(this.stamp), reason);
    return "used";
  }

  #info(): Heard {
    const { fields } = this;
    const id = fields.number(2);
    this.#messages.delete(id);
    this.#makeRoom(this.#messages);
    this.#messages.set(id, {
      id,
      birth: this.#stampOf(this.stamp),
      bytes: fields.number(4),
      sender: lowerAscii(fields.text(6, this.#maxText)),
      qp: fields.number(8),
      uid: fields.number(10),
      successes: 0,
      deferrals: 0,
      failures: 0,
    });
    return "used";
  }

  #end(): Heard {
    const id = this.fields.number(2);
    const message = this.#messages.get(id);
    if (message === undefined) return "dropped";
    this.#messages.delete(id);
    this.#listener.finished(message, this.#stampOf(this.stamp));
    return "used";
  }

  /** Only pending lines of an earlier run have it: nk, nz, nd, in this order. */
  #extra(): Heard {
    const { fields } = this;
    const message = this.#messages.get(fields.number(1));
    if (message === undefined) return "dropped";
    message.successes = fields.number(2);
    message.deferrals = fields.number(3);
    message.failures = fields.number(4);
    return "used";
  }

  /** Many at once: the first key of a Map is slow to find while those before it have just been deleted. */
  #makeRoom(table: Map<LogNumber, unknown>): void {
    if (table.size < this.#maxOpen) return;
    let left = Math.max(1, Math.floor(this.#maxOpen * forgottenShare));
    for (const oldest of table.keys()) {
      if (left-- === 0) return;
      table.delete(oldest);
      this.forgotten++;
    }
  }
}
