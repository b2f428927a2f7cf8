import { LineSplitter } from "../line-splitter.ts";
import { enoughTextBytes, Matcher } from "../matcher.ts";
import { type ReasonClass, reasonClass } from "../reason-class.ts";
import { LogFollower } from "./log-follower.ts";

/** Deliveries under way that are kept; the queue has fewer. */
const maxOpen = 20_000;
/** What is read at once at most; a scraper that comes seldom gets the rest next time. */
const maxBytesAtOnce = 64 * 1024 * 1024;

/** One number: how many deliveries ended so, for reasons of that class ("" for successes). */
export type ReasonCount = { readonly result: string; readonly reason: ReasonClass | ""; readonly count: number };

/** Counts how deliveries end, by class of reason, in a queue's log from now on. Reads only when it is asked. */
export class ReasonCounts {
  readonly #counts = new Map<string, { result: string; reason: ReasonClass | ""; count: number }>();
  readonly #matcher = new Matcher<null>(
    () => null,
    {
      delivered: (_delivery, _message, result, _end, reason) => {
        if (result === "k") this.#count("success", "");
        else if (result !== "?") this.#count(result === "z" ? "deferral" : "failure", reasonClass(reason));
      },
      finished: () => {},
    },
    { maxOpen, maxTextBytes: enoughTextBytes },
  );
  readonly #splitter = new LineSplitter((bytes, from, to) => {
    this.#matcher.line(bytes, from, to);
  });
  readonly #follower: LogFollower;

  constructor(folder: string) {
    this.#follower = new LogFollower(folder, "end");
  }

  /** Reads what the log has got since, and tells the numbers. */
  read(): readonly ReasonCount[] {
    let room = maxBytesAtOnce;
    for (let bytes = this.#follower.read(); bytes !== null; bytes = room > 0 ? this.#follower.read() : null) {
      this.#splitter.push(bytes);
      room -= bytes.length;
    }
    return [...this.#counts.values()];
  }

  close(): void {
    this.#follower.close();
  }

  #count(result: string, reason: ReasonClass | ""): void {
    const key = `${result} ${reason}`;
    const known = this.#counts.get(key);
    if (known !== undefined) known.count++;
    else this.#counts.set(key, { result, reason, count: 1 });
  }
}
