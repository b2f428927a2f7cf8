const lf = 0x0a;
const cr = 0x0d;
const dot = 0x2e;

/**
 * Turns stored message bytes (LF line ends) into DATA bytes: LF and bare CR become CRLF, CRLF stays, a dot that begins a line
 * is doubled (RFC 5321 §4.5.2), a last line without LF is completed (spec G23). Pieces may be cut anywhere.
 */
export class BodyEncoder {
  /** The next octet begins a line. */
  #atLineStart = true;
  /** The last octet was a CR, sent as CRLF: an LF that follows belongs to it. */
  #afterCr = false;

  /** The bytes to send for the next piece; never the piece itself, which may be used again. */
  push(piece: Uint8Array): Buffer {
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    if (bytes.length === 0) return bytes;
    return this.#afterCr || bytes.includes(cr) ? this.#pushAny(bytes) : this.#pushPlain(bytes);
  }

  /** What ends the message: CRLF if the last line lacks it, and the line with the dot. */
  end(): string {
    return this.#atLineStart ? ".\r\n" : "\r\n.\r\n";
  }

  /** The usual case, no CR in the piece: whole lines are copied. Every octet becomes two at most. */
  #pushPlain(bytes: Buffer): Buffer {
    const out = Buffer.allocUnsafe(2 * bytes.length);
    let to = 0;
    let from = 0;
    let lineStart = this.#atLineStart;
    while (from < bytes.length) {
      if (lineStart && bytes[from] === dot) out[to++] = dot;
      const at = bytes.indexOf(lf, from);
      lineStart = at >= 0;
      const end = lineStart ? at : bytes.length;
      to += bytes.copy(out, to, from, end);
      from = end;
      if (!lineStart) break;
      out[to++] = cr;
      out[to++] = lf;
      from++;
    }
    this.#atLineStart = lineStart;
    return out.subarray(0, to);
  }

  /** Any bytes, octet by octet. Rare: the queue keeps LF line ends, so a CR comes from a program that injected it. */
  #pushAny(bytes: Buffer): Buffer {
    const out = Buffer.allocUnsafe(2 * bytes.length);
    let to = 0;
    for (const octet of bytes) {
      const belongsToCr = octet === lf && this.#afterCr;
      this.#afterCr = octet === cr;
      if (belongsToCr) continue;
      if (octet === lf || octet === cr) {
        out[to++] = cr;
        out[to++] = lf;
        this.#atLineStart = true;
        continue;
      }
      if (this.#atLineStart && octet === dot) out[to++] = dot;
      this.#atLineStart = false;
      out[to++] = octet;
    }
    return out.subarray(0, to);
  }
}
