import { type ByteString, fromBytes, lowerAscii } from "#bytes";

/** A message taken apart by spec 7.1. */
export type SplitHeader = {
  /** Whole fields in order, each with its continuation lines and final LF. */
  readonly fields: readonly ByteString[];
  /** What follows the header, as far as it has been read; begins with the empty line. Empty if the message has no body. */
  readonly body: Buffer;
};

const lf = 0x0a;
const space = 0x20;
const tab = 0x09;
const emptyLine = Buffer.from("\n");
const mboxFrom = Buffer.from("From ");
/** A field begins with a name of printable ASCII; blanks may stand between name and colon. */
const fieldStart = /^[\x21-\x39\x3b-\x7e]+[ \t]*:/;

/** A field's name as written: `fieldName("Resent-To : a@b\n") === "Resent-To"`; "" if the line is no field. */
export function fieldName(field: ByteString): ByteString {
  const start = fieldStart.exec(field);
  return start === null ? "" : start[0].slice(0, -1).trimEnd();
}

/** A field's name in lower case, for look-ups. */
export function fieldKey(field: ByteString): ByteString {
  return lowerAscii(fieldName(field));
}

/** All that stands behind a field's first colon, its final LF and folds included. */
export function fieldValue(field: ByteString): ByteString {
  return field.slice(field.indexOf(":") + 1);
}

/**
 * Finds the end of a header in bytes that arrive piece by piece (spec 7.1): `push` until it gives an answer, or `end` when
 * there is no more. A line that is no field ends the header and becomes the first line of the body, an empty line before
 * it; `From ` lines become `MBOX-Line:` fields; a missing last LF is put in. No limit but memory; linear.
 */
export class HeaderSplitter {
  readonly #fields: ByteString[] = [];
  /** Lines of the field that may still be continued. */
  #open: Buffer[] = [];
  /** Pieces of a line whose LF has not come yet. */
  #partial: Buffer[] = [];

  /** Takes more bytes; the whole header once its end is known, else null. */
  push(chunk: Buffer): SplitHeader | null {
    for (let at = 0; at < chunk.length; ) {
      const end = chunk.indexOf(lf, at);
      if (end < 0) {
        this.#partial.push(chunk.subarray(at));
        return null;
      }
      const begun = this.#partial.length > 0;
      const body = this.#line(this.#complete(chunk.subarray(at, end + 1)));
      // The usual case, an empty line within the chunk: the body is a view, not a copy.
      if (body !== null)
        return this.#split(begun || body[0] !== chunk[at] ? [body, chunk.subarray(end + 1)] : [chunk.subarray(at)]);
      at = end + 1;
    }
    return null;
  }

  /** There is nothing more to come. */
  end(): SplitHeader {
    const body = this.#partial.length === 0 ? null : this.#line(this.#complete(emptyLine));
    return this.#split(body === null ? [] : [body]);
  }

  #complete(rest: Buffer): Buffer {
    if (this.#partial.length === 0) return rest;
    const line = Buffer.concat([...this.#partial, rest]);
    this.#partial = [];
    return line;
  }

  /** Takes one line with its LF; the beginning of the body if this line ends the header, else null. */
  #line(line: Buffer): Buffer | null {
    const first = line[0];
    if ((first === space || first === tab) && this.#open.length > 0) {
      this.#open.push(line);
      return null;
    }
    this.#close();
    if (first === lf) return line;
    if (line.subarray(0, mboxFrom.length).equals(mboxFrom)) this.#open.push(Buffer.from("MBOX-Line: "), line);
    else if (isFieldStart(line)) this.#open.push(line);
    else return Buffer.concat([emptyLine, line]);
    return null;
  }

  #close(): void {
    if (this.#open.length === 0) return;
    this.#fields.push(fromBytes(this.#open.length === 1 ? this.#open[0]! : Buffer.concat(this.#open)));
    this.#open = [];
  }

  #split(body: readonly Buffer[]): SplitHeader {
    this.#close();
    return { fields: this.#fields, body: body.length === 1 ? body[0]! : Buffer.concat(body) };
  }
}

/** No name of a field is anywhere near this long, but there is no rule: a longer one is looked at whole. */
const usualNameBytes = 100;

function isFieldStart(line: Buffer): boolean {
  const colon = line.subarray(0, usualNameBytes).indexOf(":");
  return fieldStart.test(line.toString("latin1", 0, colon >= 0 ? colon + 1 : line.length));
}

/** Takes a whole message apart at once. `splitHeader(Buffer.from("A: b\n\nc")).body.toString() === "\nc\n"`. */
export function splitHeader(message: Buffer): SplitHeader {
  const splitter = new HeaderSplitter();
  const { fields, body } = splitter.push(message) ?? splitter.end();
  const whole = body.length === 0 || body[body.length - 1] === lf ? body : Buffer.concat([body, emptyLine]);
  return { fields, body: whole };
}
