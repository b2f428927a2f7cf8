import type { ByteString } from "#bytes";

/**
 * Turns a message as it lies on disk (lines end with LF) into what goes over the wire: lines end with CRLF, a dot at the
 * beginning of a line is doubled (RFC 1939 §3). Pieces may be cut anywhere. A line that ends with CRLF already keeps its one
 * CR. Whole pieces are searched, not lines: this is the hot path of RETR.
 */
export class WireForm {
  #atLineStart = true;
  /** A CR at the end of a piece: the LF it may belong to is in the next. */
  #held = "";

  push(piece: ByteString): ByteString {
    let text = this.#held === "" ? piece : this.#held + piece;
    this.#held = text.endsWith("\r") ? "\r" : "";
    if (this.#held !== "") text = text.slice(0, -1);
    if (text === "") return "";
    const startsWithDot = this.#atLineStart && text.startsWith(".");
    this.#atLineStart = text.endsWith("\n");
    if (text.includes("\r\n")) text = text.replace(/\r\n/g, "\n");
    // Patterns without any choice: V8 searches for them as for a word.
    text = text.replace(/\n/g, "\r\n");
    if (text.includes("\n.")) text = text.replace(/\n\./g, "\n..");
    return startsWithDot ? `.${text}` : text;
  }

  /** Behind the last piece: ends a line that has no end. */
  end(): ByteString {
    const rest = this.#held;
    return this.#atLineStart && rest === "" ? "" : `${rest}\r\n`;
  }
}

/** Lets the header, the blank line and so many lines of the body pass (TOP, RFC 1939 §7). */
export class TopOfMessage {
  #inHeader = true;
  #left: number;
  /** How the unfinished line begins; two characters are enough to know that it is not blank. */
  #begun = "";
  isDone = false;

  constructor(bodyLines: number) {
    this.#left = bodyLines;
  }

  /** What of the next piece may pass. */
  take(piece: ByteString): ByteString {
    for (let at = 0; ; ) {
      const lf = piece.indexOf("\n", at);
      if (lf < 0) {
        this.#begun = (this.#begun + piece.slice(at, at + 2)).slice(0, 2);
        return piece;
      }
      const line = (this.#begun + piece.slice(at, Math.min(lf, at + 2))).slice(0, 2);
      this.#begun = "";
      at = lf + 1;
      if (this.#inHeader) this.#inHeader = line !== "" && line !== "\r";
      else this.#left--;
      if (!this.#inHeader && this.#left <= 0) {
        this.isDone = true;
        return piece.slice(0, at);
      }
    }
  }
}
