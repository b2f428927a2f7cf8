import { type ByteString, lowerAscii } from "#bytes";
import { mailDate } from "./date.ts";

/** What the trace line tells about a client. `helo` is null where there is none (QMTP, QMQP, no HELO yet). */
export type NetworkTrace = {
  readonly protocol: "SMTP" | "ESMTPS" | "ESMTPA" | "ESMTPSA" | "QMTP" | "QMQP";
  readonly remoteHost: ByteString;
  readonly remoteIp: ByteString;
  /** An IDENT or login name. */
  readonly remoteInfo: ByteString | null;
  readonly localName: ByteString;
  readonly helo: ByteString | null;
  /** OpenSSL's words for how the connection was secured; left out: it was not. */
  readonly tls?: { readonly version: ByteString; readonly cipher: ByteString };
};

/** Longest word of a peer that is repeated: a domain's limit (RFC 5321 §4.5.3.1.2), so that the line stays under 998 octets. */
const maxWordBytes = 255;

/** A peer's word in a header: letters, digits and `.@%+/=:-[]` stay, every other octet becomes `?` (spec 7.8, Q-040). */
function tame(text: ByteString): ByteString {
  return text.slice(0, maxWordBytes).replace(/[^A-Za-z0-9.@%+/=:\-[\]]/g, "?");
}

/** The names of OpenSSL and IANA hold underscores, which `tame` would not leave. */
const cipherWord = (name: ByteString): ByteString => name.split("_").map(tame).join("_");

/**
 * The trace line a network daemon puts on top, two lines with LF ends (spec 7.8). The protocol word of SMTP is `SMTP` even after
 * EHLO, as log readers and filters written for qmail expect (RFC 3848 would have ESMTP); over TLS, or of who has logged in, it is RFC
 * 3848's word, over TLS with the version and the cipher behind it.
 */
export function networkTraceLine(trace: NetworkTrace, date: Date): ByteString {
  const host = tame(trace.remoteHost);
  const differs = trace.helo !== null && lowerAscii(trace.helo) !== lowerAscii(trace.remoteHost);
  const helo = differs ? ` (HELO ${tame(trace.helo ?? "")})` : "";
  const info = trace.remoteInfo === null ? "" : `${tame(trace.remoteInfo)}@`;
  const secured = trace.tls === undefined ? "" : ` (${tame(trace.tls.version)} ${cipherWord(trace.tls.cipher)})`;
  return (
    `Received: from ${host}${helo} (${info}${tame(trace.remoteIp)})\n` +
    `  by ${tame(trace.localName)} with ${trace.protocol}${secured}; ${mailDate(date)}\n`
  );
}
