import { type ByteString, fromBytes } from "#bytes";

/** Longest report qmail-lspawn hands on, and what it puts under one it had to cut (spec 4.9). */
const maxReportBytes = 3000;
const cutNotice = "\nError report too long, sorry.\n";

/** What a delivery has to say: the programs' output and our own words, as they come; cut when it gets too long. */
export class Report {
  #text: ByteString = "";

  /** Takes more; beyond the limit nothing is kept. */
  add(more: Uint8Array | ByteString): void {
    const room = maxReportBytes + 1 - this.#text.length;
    if (room <= 0) return;
    this.#text += typeof more === "string" ? more.slice(0, room) : fromBytes(more.subarray(0, room));
  }

  /** At most 3000 octets; ends at a NUL, as it always has. */
  text(): ByteString {
    const whole = this.#text;
    // Cut where qmail-spawn cuts: the notice and three octets below the limit.
    const cut = whole.slice(0, maxReportBytes - cutNotice.length - 3);
    const text = whole.length > maxReportBytes ? `${cut}${cutNotice}` : whole;
    const end = text.indexOf("\0");
    return end < 0 ? text : text.slice(0, end);
  }
}
