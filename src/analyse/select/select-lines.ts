import type { ByteString } from "#bytes";

/** What `qlogselect` keeps (spec, section 8). */
export type Selection = {
  /** Seconds since 1970: everything before is passed over, reading ends behind `end`; 0 for neither. */
  readonly start: number;
  readonly end: number;
  /** Which senders; null for all. */
  readonly from: RegExp | null;
  readonly stripStatus: boolean;
  readonly addStatus: boolean;
};

const stamped = /^([0-9]+\.[0-9]+) +/;
const starting = /^starting delivery ([0-9]+): msg ([0-9]+) to (local|remote)/;
const ending = /^delivery ([0-9]+): /;
const info = /^info msg ([0-9]+): bytes [0-9]+ from <(.*)> qp [0-9]+ uid [0-9]+$/;
const named = /^(new|end|bounce) msg ([0-9]+)(?: qp [0-9]+)?$/;

/** What a line gives: text for the output, or a complaint. `isDone`: nothing behind it is wanted. */
export type Selected = { readonly out: ByteString; readonly bad?: ByteString; readonly isDone?: true };
const nothing: Selected = { out: "" };

/** Picks the lines of some messages out of a log with decimal stamps: their own, and those of their deliveries. */
export class LineSelector {
  readonly #wanted: Selection;
  #isBegun: boolean;
  /** Messages that are wanted, `new` lines whose sender is not known yet, and deliveries that are wanted. */
  readonly #messages = new Set<string>();
  readonly #newLines = new Map<string, ByteString>();
  readonly #deliveries = new Map<string, string>();
  readonly #running: Record<string, number> = { local: 0, remote: 0 };

  constructor(wanted: Selection) {
    this.#wanted = wanted;
    this.#isBegun = wanted.start === 0;
  }

  /** Takes a line without its LF. */
  take(line: ByteString): Selected {
    const match = stamped.exec(line);
    if (!this.#isBegun) {
      if (match === null || Number(match[1]) < this.#wanted.start) return nothing;
      this.#isBegun = true;
    }
    if (match === null) return { out: "", bad: line };
    const [stamp, time = ""] = match;
    if (this.#wanted.end !== 0 && Number(time) > this.#wanted.end) return { out: "", isDone: true };
    return { out: this.#select(`${line}\n`, line.slice(stamp.length), time) };
  }

  #select(line: ByteString, text: ByteString, time: string): ByteString {
    if (text.startsWith("status: ")) return this.#wanted.stripStatus ? "" : line;
    if (text.startsWith("starting ")) return this.#starting(line, text, time);
    if (text.startsWith("delivery ")) return this.#ending(line, text, time);
    if (text.startsWith("info ")) return this.#info(line, text);
    const [, word, message = ""] = named.exec(text) ?? [];
    if (word === undefined) return "";
    if (word === "new") {
      this.#newLines.set(message, line);
      return "";
    }
    const isWanted = word === "end" ? this.#messages.delete(message) : this.#messages.has(message);
    return isWanted ? line : "";
  }

  #info(line: ByteString, text: ByteString): ByteString {
    const [, message = "", sender = ""] = info.exec(text) ?? [];
    const newLine = this.#newLines.get(message) ?? "";
    this.#newLines.delete(message);
    if (message === "" || this.#wanted.from?.test(sender) === false) return "";
    this.#messages.add(message);
    return newLine + line;
  }

  #starting(line: ByteString, text: ByteString, time: string): ByteString {
    const [, delivery = "", message = "", channel = ""] = starting.exec(text) ?? [];
    if (!this.#messages.has(message)) return "";
    this.#deliveries.set(delivery, channel);
    return line + this.#status(channel, 1, time);
  }

  #ending(line: ByteString, text: ByteString, time: string): ByteString {
    const delivery = ending.exec(text)?.[1] ?? "";
    const channel = this.#deliveries.get(delivery);
    if (channel === undefined) return "";
    this.#deliveries.delete(delivery);
    return line + this.#status(channel, -1, time);
  }

  #status(channel: string, change: number, time: string): ByteString {
    this.#running[channel] = (this.#running[channel] ?? 0) + change;
    const { local, remote } = this.#running;
    return this.#wanted.addStatus ? `${time} status: status: local ${local}/? remote ${remote}/?\n` : "";
  }
}
