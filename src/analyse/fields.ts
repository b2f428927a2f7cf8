import type { ByteString } from "#bytes";

/** A number from the log: as a number while it is exact, as its digits beyond (an inode may have 64 bits). */
export type LogNumber = number | string;

/** More fields than any line of qmail-send has (spec, section 1); the rest of a line belongs to none. */
const maxFields = 20;
/** Longer values of `key=value` are cut: an address has at most 320 octets (RFC 5321 §4.5.3.1). */
const maxValueBytes = 512;
/** Numbers of so many digits are exact. */
const exactDigits = 15;

const isBlank = (octet: number): boolean => octet === 32 || octet === 9;

/**
 * Where the fields of a line stand: runs of anything but blanks and tabs. One object is used for all lines, so that looking at a line
 * makes no garbage; only `text` makes a string, and one that keeps nothing else alive.
 */
export class Fields {
  #bytes: Buffer = Buffer.alloc(0);
  readonly #starts = new Int32Array(maxFields);
  readonly #ends = new Int32Array(maxFields);
  #count = 0;

  /** Looks at a line, from an offset behind its stamp. */
  split(bytes: Buffer, from: number, to: number): void {
    this.#bytes = bytes;
    let count = 0;
    let at = from;
    while (count < maxFields) {
      while (at < to && isBlank(bytes[at]!)) at++;
      if (at >= to) break;
      this.#starts[count] = at;
      while (at < to && !isBlank(bytes[at]!)) at++;
      this.#ends[count++] = at;
    }
    this.#count = count;
  }

  get count(): number {
    return this.#count;
  }

  /** A field's octets, at most so many; "" for one the line does not have. */
  text(index: number, maxBytes: number = Number.POSITIVE_INFINITY): ByteString {
    if (index >= this.#count) return "";
    const start = this.#starts[index]!;
    return this.#bytes.toString("latin1", start, Math.min(this.#ends[index]!, start + maxBytes));
  }

  /** Does a field stand there and equal this ASCII word? */
  is(index: number, word: string): boolean {
    if (index >= this.#count) return false;
    const start = this.#starts[index]!;
    if (this.#ends[index]! - start !== word.length) return false;
    for (let at = 0; at < word.length; at++) if (this.#bytes[start + at] !== word.charCodeAt(at)) return false;
    return true;
  }

  /** The value of the first field `key=value` from `index` on; null if there is none. `-` stands for an empty one. */
  value(key: string, index = 0): ByteString | null {
    for (let n = index; n < this.#count; n++) {
      const start = this.#starts[n]!;
      const equals = start + key.length;
      if (this.#bytes[equals] !== 61 || equals >= this.#ends[n]!) continue;
      let at = 0;
      while (at < key.length && this.#bytes[start + at] === key.charCodeAt(at)) at++;
      if (at === key.length)
        return this.#bytes.toString("latin1", equals + 1, Math.min(this.#ends[n]!, equals + 1 + maxValueBytes));
    }
    return null;
  }

  /** Everything from a field to the end of the line, at most so many octets. */
  from(index: number, to: number, maxBytes: number): ByteString {
    if (index >= this.#count) return "";
    const start = this.#starts[index]!;
    return this.#bytes.toString("latin1", start, Math.min(to, start + maxBytes));
  }

  /** The first octet of a field; -1 for one the line does not have. */
  first(index: number): number {
    return index < this.#count ? this.#bytes[this.#starts[index]!]! : -1;
  }

  /** The digits a field begins with, as the original's scan_ulong reads them; 0 if there are none. `55:` is 55. */
  number(index: number): LogNumber {
    if (index >= this.#count) return 0;
    const start = this.#starts[index]!;
    const end = this.#ends[index]!;
    let value = 0;
    let at = start;
    for (; at < end; at++) {
      const digit = this.#bytes[at]! - 48;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    return at - start <= exactDigits ? value : this.#bytes.toString("latin1", start, at).replace(/^0+(?=.)/, "");
  }

  /** A delivery's number: digits, or `D.Q` as indimail writes it with the queue's number behind a dot. */
  delivery(index: number): LogNumber {
    if (index >= this.#count) return 0;
    const colon = this.#ends[index]! - (this.#bytes[this.#ends[index]! - 1] === 58 ? 1 : 0);
    const dot = this.#bytes.indexOf(46, this.#starts[index]!);
    return dot >= 0 && dot < colon ? this.#bytes.toString("latin1", this.#starts[index]!, colon) : this.number(index);
  }
}
