import { LineSplitter } from "./line-splitter.ts";
import { deliveryLine, messageLine, pendingDelivery, pendingMessage } from "./matched-line.ts";
import { Matcher } from "./matcher.ts";
import type { Stamp } from "./stamp.ts";

/** Pending lines are given out in pieces of about this size. */
const pieceChars = 64 * 1024;

const textOf = (stamp: Stamp): string => stamp.text();

/** What `matchup` does with a log: `take` gives the lines of output, `pending` what is left for the next run. */
export class MatchUp {
  #out: string[] = [];
  readonly #matcher = new Matcher<string>(textOf, {
    delivered: (...facts) => this.#out.push(deliveryLine(...facts)),
    finished: (...facts) => this.#out.push(messageLine(...facts)),
  });
  #splitter = new LineSplitter((bytes, from, to) => {
    const heard = this.#matcher.line(bytes, from, to);
    if (heard === "trouble") this.#out.push(`${bytes.toString("latin1", from, to)}\n`);
    else if (heard === "unknown") this.#out.push(`? ${bytes.toString("latin1", from, to)}\n`);
  });

  /** The next bytes of the log; returns what they complete, as a byte string. */
  take(chunk: Buffer): string {
    this.#out = [];
    this.#splitter.push(chunk);
    return this.#out.join("");
  }

  /** Messages and deliveries that are not finished, then the begin of a line that is not complete; in pieces of some size. */
  *pending(): Generator<string> {
    let piece = "";
    const matcher = this.#matcher;
    for (const message of matcher.messages) {
      piece += pendingMessage(message);
      if (piece.length < pieceChars) continue;
      yield piece;
      piece = "";
    }
    for (const delivery of matcher.deliveries) {
      piece += pendingDelivery(delivery);
      if (piece.length < pieceChars) continue;
      yield piece;
      piece = "";
    }
    piece += this.#splitter.rest().toString("latin1");
    if (piece !== "") yield piece;
  }
}
