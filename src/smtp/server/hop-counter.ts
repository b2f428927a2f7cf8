/** As many hops mean a loop (spec 2.1; RFC 5321 §6.3 asks for at least 100). */
export const maxHops = 100;

const lf = 0x0a;
const received = "received:";
const deliveredTo = "delivered-to:";
/** Octets of a line that decide whether it counts. */
const headBytes = deliveredTo.length;

/**
 * Counts `Received:` and `Delivered-To:` fields (any case) in a header that comes in pieces with LF line ends; stops at the
 * first empty line. `Received-SPF:` is no hop (spec G16), nor is anything in the body.
 */
export class HopCounter {
  #hops = 0;
  #inHeader = true;
  /** The first octets of the line under way, at most `headBytes`; "" at a line's start. */
  #head = "";
  #counted = false;

  get hops(): number {
    return this.#hops;
  }

  /** False once the body has begun: nothing more can count. */
  get inHeader(): boolean {
    return this.#inHeader;
  }

  /** Looks at the next piece, of any length. */
  look(bytes: Buffer): void {
    for (let at = 0; this.#inHeader && at < bytes.length; ) {
      if (this.#head === "" && bytes[at] === lf) {
        this.#inHeader = false;
        return;
      }
      const end = bytes.indexOf(lf, at);
      const lineEnd = end < 0 ? bytes.length : end;
      this.#lookAtHead(bytes, at, lineEnd);
      if (end < 0) return;
      this.#head = "";
      this.#counted = false;
      at = end + 1;
    }
  }

  #lookAtHead(bytes: Buffer, at: number, lineEnd: number): void {
    if (this.#head.length >= headBytes) return;
    const missing = headBytes - this.#head.length;
    this.#head += bytes.toString("latin1", at, Math.min(lineEnd, at + missing));
    if (this.#counted) return;
    const letter = this.#head.charCodeAt(0) | 0x20;
    if (letter !== 0x72 && letter !== 0x64) return;
    const head = this.#head.toLowerCase();
    if (!head.startsWith(received) && head !== deliveredTo) return;
    this.#counted = true;
    this.#hops++;
  }
}
