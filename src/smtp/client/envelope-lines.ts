import { domainToASCII } from "node:url";
import { type ByteString, displayText } from "#bytes";
import { domainOf, localPartOf, quoteAddress } from "#mail";
import type { Extensions } from "./reply.ts";

/** What the MAIL command tells about a message beside its sender. */
export type MessageFacts = {
  /** Stored bytes; null when not known beforehand. */
  readonly sizeBytes: number | null;
  /** It may hold octets above 127. */
  readonly eightBit: boolean;
};

/** The commands of one envelope, each with its CRLF. */
export type EnvelopeLines = { readonly mail: string; readonly rcpts: readonly string[] };

const beyondAscii = /[\x80-\xff]/;
/** Octets that would end the command and begin another. An address with one is never sent. */
const breaksLine = /[\r\n\0]/;

/** True if no SMTP command can carry this address: it holds CR, LF or NUL. */
export function breaksCommand(address: ByteString): boolean {
  return breaksLine.test(address);
}

/** An address without SMTPUTF8: a domain in UTF-8 becomes A-labels; null if the local part needs the extension. */
function downgrade(address: ByteString): ByteString | null {
  if (!beyondAscii.test(address)) return address;
  const local = localPartOf(address);
  const domain = domainToASCII(displayText(domainOf(address)));
  return beyondAscii.test(local) || domain === "" ? null : `${local}@${domain}`;
}

/**
 * Words the envelope for a server with these extensions. `SIZE` and `BODY=8BITMIME` are told where they are understood (RFC
 * 1870, RFC 6152); 8-bit text goes out as it is where they are not, as qmail does. Null if an address needs SMTPUTF8 (RFC
 * 6531) and the server has it not.
 */
export function envelopeLines(
  sender: ByteString,
  recipients: readonly ByteString[],
  facts: MessageFacts,
  extensions: Extensions,
): EnvelopeLines | null {
  const international = [sender, ...recipients].some((address) => beyondAscii.test(address));
  const utf8 = international && extensions.has("SMTPUTF8");
  const [from, ...to] = utf8 ? [sender, ...recipients] : [sender, ...recipients].map(downgrade);
  if (from === undefined || from === null || !to.every((address) => address !== null)) return null;
  const size = extensions.has("SIZE") && facts.sizeBytes !== null ? ` SIZE=${facts.sizeBytes}` : "";
  const body = extensions.has("8BITMIME") && facts.eightBit ? " BODY=8BITMIME" : "";
  return {
    mail: `MAIL FROM:<${quoteAddress(from)}>${size}${body}${utf8 ? " SMTPUTF8" : ""}\r\n`,
    rcpts: to.map((address) => `RCPT TO:<${quoteAddress(address)}>\r\n`),
  };
}
