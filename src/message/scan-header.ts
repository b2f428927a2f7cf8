/** What a look at the header tells: how many hops the message has behind it, and where the body begins. */
export type HeaderScan = {
  /** `Received:` and `Delivered-To:` fields, any case (spec Q-033; `Received-SPF:` does not count: G16). */
  readonly hops: number;
  /** Offset of the first byte after the empty line, or the length if there is none. */
  readonly bodyAt: number;
};

const lf = 0x0a;
const received = "received:";
const delivered = "delivered-to:";

/** Scans a header with LF line ends. Stops at the first empty line; looks at no more than the bytes given. */
export function scanHeader(bytes: Buffer): HeaderScan {
  let hops = 0;
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at]!;
    if (first === lf) return { hops, bodyAt: at + 1 };
    if (first === 0x52 || first === 0x72) {
      if (bytes.toString("latin1", at, at + received.length).toLowerCase() === received) hops++;
    } else if (first === 0x44 || first === 0x64) {
      if (bytes.toString("latin1", at, at + delivered.length).toLowerCase() === delivered) hops++;
    }
    const end = bytes.indexOf(lf, at);
    if (end < 0) break;
    at = end + 1;
  }
  return { hops, bodyAt: bytes.length };
}
