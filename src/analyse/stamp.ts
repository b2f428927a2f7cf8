import type { ByteString } from "#bytes";

/** TAI64 label of the Unix epoch: 2^62 + 10 seconds; its upper half, and what the lower half is ahead of Unix time. */
const labelHigh = 0x4000_0000;
const labelOffset = 10;
const highUnit = 2 ** 32;
const nano = 1e-9;

/** How a line says when it was written. `bare`: its first word, whatever that is. */
export type StampForm = "tai64n" | "decimal" | "local" | "rfc3339" | "bare";

const space = 32;
const digitAt = (bytes: Buffer, at: number): boolean => bytes[at]! >= 48 && bytes[at]! <= 57;

/** Value of a lower-case hex digit, as multilog writes them; -1 for anything else. */
function hexValue(octet: number): number {
  if (octet >= 48 && octet <= 57) return octet - 48;
  return octet >= 97 && octet <= 102 ? octet - 87 : -1;
}

/**
 * When a line was written, and where its text begins. One object is used for all lines. It knows TAI64N (`@4000...`), seconds since
 * 1970 (accustamp's and tai64nunix's `1700000000.123456`), what tai64nlocal makes (`2026-11-22 10:15:00.5`, in this process's time
 * zone), and RFC 3339 (`2026-11-22T10:15:00.5Z`, `+01:00`). Behind a syslog frame (`Nov 22 10:15:00 host qmail: `, or RFC 3339 with host
 * and tag) the stamp that splogger put into the text decides.
 */
export class Stamp {
  form: StampForm = "bare";
  /** Seconds since 1970 with fraction; NaN for a bare word that is no number. */
  seconds = 0;
  /** Where the line's text begins, behind the stamp and a blank. */
  body = 0;
  #bytes: Buffer = Buffer.alloc(0);
  #from = 0;
  #to = 0;
  #unix = 0;
  #nanos = 0;
  #dayText = "";
  #daySeconds = 0;

  /** Reads the stamp of a line. */
  read(bytes: Buffer, lineFrom: number, to: number): void {
    let from = lineFrom;
    while (from < to && (bytes[from] === space || bytes[from] === 9)) from++;
    this.#bytes = bytes;
    const first = bytes[from];
    if (first === 64 && this.#tai64n(bytes, from, to)) return;
    if (first !== undefined && first >= 65 && first <= 90) from = afterSyslog(bytes, from, to);
    if (from < to && bytes[from] === 64 && this.#tai64n(bytes, from, to)) return;
    if (bytes[from + 4] === 45 && bytes[from + 7] === 45 && to - from >= 19 && this.#date(bytes, from, to)) return;
    this.#decimal(bytes, from, to);
  }

  /** The stamp as decimal seconds: as it stood if it was decimal, else with nine digits behind the dot. */
  text(): ByteString {
    if (this.form === "decimal" || this.form === "bare") return this.#bytes.toString("latin1", this.#from, this.#to);
    return `${this.#unix}.${String(this.#nanos).padStart(9, "0")}`;
  }

  #settle(form: StampForm, unix: number, nanos: number, body: number): true {
    this.form = form;
    this.#unix = unix;
    this.#nanos = nanos;
    this.seconds = unix + nanos * nano;
    this.body = body;
    return true;
  }

  #tai64n(bytes: Buffer, from: number, to: number): boolean {
    if (to - from < 25) return false;
    let high = 0;
    let low = 0;
    let nanos = 0;
    for (let at = 1; at <= 24; at++) {
      const value = hexValue(bytes[from + at]!);
      if (value < 0) return false;
      if (at <= 8) high = high * 16 + value;
      else if (at <= 16) low = low * 16 + value;
      else nanos = nanos * 16 + value;
    }
    if (from + 25 < to && bytes[from + 25] !== space) return false;
    return this.#settle("tai64n", (high - labelHigh) * highUnit + low - labelOffset, nanos, Math.min(from + 26, to));
  }

  #decimal(bytes: Buffer, from: number, to: number): void {
    let at = from;
    let value = 0;
    while (at < to && digitAt(bytes, at)) value = value * 10 + bytes[at++]! - 48;
    let isNumber = at > from;
    if (isNumber && bytes[at] === 46) {
      at++;
      for (let unit = 0.1; at < to && digitAt(bytes, at); unit /= 10) value += (bytes[at++]! - 48) * unit;
    }
    while (at < to && bytes[at] !== space && bytes[at] !== 9) {
      isNumber = false;
      at++;
    }
    this.form = isNumber ? "decimal" : "bare";
    this.seconds = isNumber ? value : Number.NaN;
    this.#from = from;
    this.#to = at;
    // splogger's further pieces of a long line: `stamp+text`.
    this.body = Math.min(at + 1, to);
  }

  /** `2026-11-22 10:15:00.123456789` and `2026-11-22T10:15:00.123456+01:00`. */
  #date(bytes: Buffer, from: number, to: number): boolean {
    const end = bytes[from + 10] === space ? endOfWord(bytes, from + 11, to) : endOfWord(bytes, from, to);
    const match = dateForm.exec(bytes.toString("latin1", from, Math.min(end, from + maxDateBytes)));
    if (match === null) return false;
    const [, day = "", between = "", hour = "", minute = "", second = "", fraction = "", zone = ""] = match;
    const isLocal = zone === "";
    if (between === " " && !isLocal) return false;
    const dayStart = this.#dayStart(`${day}T${hour}:00:00${isLocal ? "" : zoneText(zone)}`);
    if (Number.isNaN(dayStart)) return false;
    const nanos = Number(fraction.padEnd(9, "0").slice(0, 9));
    const body = between === "T" ? afterTag(bytes, end, to) : Math.min(end + 1, to);
    const unix = dayStart + Number(minute) * 60 + Number(second);
    // A line that splogger stamped says better than syslog when it was written.
    if (between === "T" && body > end + 1 && digitAt(bytes, body)) {
      this.#decimal(bytes, body, to);
      if (this.form === "decimal" && this.seconds > 1e8) return true;
      this.#settle("rfc3339", unix, nanos, body);
      return true;
    }
    return this.#settle(between === " " ? "local" : "rfc3339", unix, nanos, body);
  }

  /** Seconds of an hour's begin; the last one is kept, since most lines of a log are of the same hour. */
  #dayStart(text: string): number {
    if (text !== this.#dayText) {
      this.#daySeconds = Date.parse(text) / 1000;
      this.#dayText = text;
    }
    return this.#daySeconds;
  }
}

const maxDateBytes = 64;
const dateForm =
  /^([0-9]{4}-[0-9]{2}-[0-9]{2})([ T])([0-9]{2}):([0-9]{2}):([0-9]{2})(?:[.,]([0-9]{1,9}))?(Z|[+-][0-9]{2}:?[0-9]{2})?$/;

const zoneText = (zone: string): string =>
  zone === "Z" || zone.includes(":") ? zone : `${zone.slice(0, 3)}:${zone.slice(3)}`;

function endOfWord(bytes: Buffer, from: number, to: number): number {
  const end = bytes.indexOf(space, from);
  return end < 0 || end > to ? to : end;
}

/** `host tag: ` or `host tag[123]: ` behind an RFC 3339 stamp, if it is there: where the text begins. */
function afterTag(bytes: Buffer, stampEnd: number, to: number): number {
  const host = endOfWord(bytes, stampEnd + 1, to);
  const tag = endOfWord(bytes, host + 1, to);
  const hasTag = tag < to && bytes[tag - 1] === 58 && bytes[host - 1] !== 58 && tag > host + 1;
  return Math.min((hasTag && !isQmailWord(bytes, stampEnd + 1, host) ? tag : stampEnd) + 1, to);
}

/** `delivery 5: success` looks like a host and a tag, too. */
const isQmailWord = (bytes: Buffer, from: number, to: number): boolean =>
  qmailWords.has(bytes.toString("latin1", from, to));
const qmailWords: ReadonlySet<string> = new Set([
  "delivery",
  "starting",
  "info",
  "new",
  "end",
  "bounce",
  "status",
  "triple",
]);

const syslogFrame = /^[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} [^ ]+ [^ ]+: /;
const maxFrameBytes = 200;

/** Behind `Nov 22 10:15:00 host qmail: `; where the line begins if it has no such frame. */
function afterSyslog(bytes: Buffer, from: number, to: number): number {
  const frame = syslogFrame.exec(bytes.toString("latin1", from, Math.min(to, from + maxFrameBytes)));
  return frame === null ? from : from + frame[0].length;
}
