import { type ByteString, lowerAscii } from "#bytes";
import { mailDate } from "#message";

/** What the trace line tells about a client. `helo` is null until HELO or EHLO; `info` is an IDENT or login name. */
export type TraceFacts = {
  readonly remoteHost: ByteString;
  readonly remoteIp: ByteString;
  readonly remoteInfo: ByteString | null;
  readonly localName: ByteString;
  readonly helo: ByteString | null;
};

/** Longest word of a peer that is repeated: a domain's limit (RFC 5321 §4.5.3.1.2), so that the line stays under 998 octets. */
const maxWordBytes = 255;

/** A peer's word in a header: letters, digits and `.@%+/=:-[]` stay, every other octet becomes `?` (spec 7.8, Q-040). */
function tame(text: ByteString): ByteString {
  return text.slice(0, maxWordBytes).replace(/[^A-Za-z0-9.@%+/=:\-[\]]/g, "?");
}

/**
 * qmail-smtpd's trace line, two lines with LF ends. The protocol word is `SMTP` even after EHLO, as log readers and filters
 * written for qmail expect (RFC 3848 would have ESMTP).
 */
export function receivedLine(facts: TraceFacts, date: Date): ByteString {
  const host = tame(facts.remoteHost);
  const differs = facts.helo !== null && lowerAscii(facts.helo) !== lowerAscii(facts.remoteHost);
  const helo = differs ? ` (HELO ${tame(facts.helo ?? "")})` : "";
  const info = facts.remoteInfo === null ? "" : `${tame(facts.remoteInfo)}@`;
  return (
    `Received: from ${host}${helo} (${info}${tame(facts.remoteIp)})\n` +
    `  by ${tame(facts.localName)} with SMTP; ${mailDate(date)}\n`
  );
}
