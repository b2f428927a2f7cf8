import type { ByteString } from "#bytes";
import { enoughTextBytes, Matcher, type MatchListener } from "../matcher.ts";
import { MailFacts } from "./mail-facts.ts";
import { Pop3Facts, SmtpFacts } from "./session-facts.ts";
import { TopTable } from "./top-table.ts";

/** Open messages, and open deliveries, kept while the log is read. Beyond it the oldest are forgotten: a delivery without its message. */
export const maxOpenEntries = 200_000;
const maxTroubles = 2_000;
const maxTroubleChars = 300;

/** Which part of the logs counts: moments in seconds since 1970. */
export type Window = { readonly since: number; readonly until: number };
export const always: Window = { since: Number.NEGATIVE_INFINITY, until: Number.POSITIVE_INFINITY };

/** Numbers in a warning differ from one to the next; it is the same warning. */
const troubleKey = (text: ByteString): ByteString => text.replace(/[0-9]+/g, "N");

/**
 * Reads logs line by line and keeps sums, in memory that does not grow with the log. Lines of all services may come in any mixture;
 * lines of one service's log must come in their order. What ended outside the window is not counted, but a delivery that began
 * before it and ended within it has its message.
 */
export class LogReport {
  readonly mail = new MailFacts();
  readonly smtp = new SmtpFacts();
  readonly pop3 = new Pop3Facts();
  readonly troubles = new TopTable(
    () => ({ count: 0, last: 0, text: "" }),
    ({ count }) => count,
    maxTroubles,
  );
  lines = 0;
  /** Lines in the window that say nothing a report counts. */
  otherLines = 0;
  /** Lines whose stamp nobody knows. */
  unstampedLines = 0;
  first = Number.POSITIVE_INFINITY;
  last = Number.NEGATIVE_INFINITY;
  #forgotten = 0;
  #window: Window;
  #maxOpen: number;
  #matcher: Matcher<number>;
  #inWindow = true;

  constructor(window: Window = always, maxOpen: number = maxOpenEntries) {
    this.#window = window;
    this.#maxOpen = maxOpen;
    this.#matcher = this.#newMatcher();
  }

  /** Open messages and deliveries that were forgotten for lack of room. */
  get forgottenEntries(): number {
    return this.#forgotten + this.#matcher.forgotten;
  }

  /** The next lines are of another log: what is open in this one stays unfinished. */
  endOfLog(): void {
    this.mail.unfinishedMessages += this.#matcher.openMessages;
    this.#forgotten += this.#matcher.forgotten;
    this.#matcher = this.#newMatcher();
  }

  /** Takes a line, as a `LineSink`. */
  line(bytes: Buffer, from: number, to: number): void {
    this.lines++;
    const { stamp, fields } = this.#matcher;
    stamp.read(bytes, from, to);
    const { seconds } = stamp;
    // Not a number: no stamp. Before 1980: a number that begins a line, but none of a clock.
    if (!(seconds > 3e8)) {
      this.unstampedLines++;
      return;
    }
    if (seconds > this.#window.until) return;
    this.#inWindow = seconds >= this.#window.since;
    fields.split(bytes, stamp.body, to);
    const word = fields.text(0);
    const heard = this.#matcher.heard(word);
    if (!this.#inWindow) return;
    if (seconds < this.first) this.first = seconds;
    if (seconds > this.last) this.last = seconds;
    if (heard === "trouble") this.#trouble(fields.from(0, to, maxTroubleChars), seconds);
    else if (heard === "unknown") this.#other(word, seconds, to);
    else if (heard === "used") this.#used(word, seconds);
  }

  #newMatcher(): Matcher<number> {
    const listener: MatchListener<number> = {
      delivered: (...facts) => {
        if (this.#inWindow) this.mail.delivered(...facts);
      },
      finished: (...facts) => {
        if (this.#inWindow) this.mail.finished(...facts);
      },
    };
    return new Matcher((stamp) => stamp.seconds, listener, { maxOpen: this.#maxOpen, maxTextBytes: enoughTextBytes });
  }

  #used(word: ByteString, seconds: number): void {
    if (word === "starting") this.mail.started(this.#matcher);
    else if (word === "new") this.mail.born(seconds);
    else if (word === "running") this.mail.queueStarts++;
  }

  #other(word: ByteString, seconds: number, to: number): void {
    const { fields } = this.#matcher;
    if (word === "smtpd" && this.smtp.take(fields, seconds)) return;
    if ((word === "pop3d" || word === "pop3") && this.pop3.take(fields)) return;
    if (word === "bounce") this.mail.bounces++;
    else if (word === "triple") this.mail.tripleBounces++;
    else if (word === "delaynotice") this.mail.delayNotices++;
    else if (fields.is(1, "trouble") || fields.is(2, "trouble"))
      this.#trouble(fields.from(0, to, maxTroubleChars), seconds);
    else this.otherLines++;
  }

  #trouble(text: ByteString, seconds: number): void {
    const sums = this.troubles.of(troubleKey(text));
    sums.count++;
    sums.last = seconds;
    sums.text = text;
  }
}
