import type { ByteString } from "#bytes";

/**
 * A reply before it is put on the wire. `enhanced` is its status by RFC 3463, shown only to a client that said EHLO; null for
 * replies that never carry one (greeting, answers to HELO and EHLO, 3xx: RFC 2034 §4).
 */
export type Reply = {
  readonly code: number;
  readonly enhanced: ByteString | null;
  readonly lines: readonly [ByteString, ...ByteString[]];
};

/** Texts can come from a queue program or a file: whatever could end a line early, or a NUL, becomes a blank. */
const unsafe = /[\r\n\0]+/g;

/** The octets of a reply: `250-a` CRLF `250 b` CRLF (RFC 5321 §4.2.1), with or without enhanced codes. */
export function renderReply(reply: Reply, withEnhanced: boolean): ByteString {
  const prefix = withEnhanced && reply.enhanced !== null ? `${reply.enhanced} ` : "";
  const last = reply.lines.length - 1;
  let text = "";
  for (const [i, line] of reply.lines.entries()) {
    text += `${reply.code}${i < last ? "-" : " "}${prefix}${line.replace(unsafe, " ")}\r\n`;
  }
  return text;
}

const statusInText = /\(#([245])\.(\d{1,3})\.(\d{1,3})/;

/**
 * The enhanced status for a reply code and qmail's text: the one in `(#x.y.z)` with its class made to agree with the code
 * (RFC 2034 §4 demands that), else `x.0.0`. Example: `enhancedFor(451, "later")` is `"4.0.0"`.
 */
export function enhancedFor(code: number, text: ByteString): ByteString {
  const group = Math.floor(code / 100);
  const match = statusInText.exec(text);
  return match === null ? `${group}.0.0` : `${group}.${match[2]}.${match[3]}`;
}
