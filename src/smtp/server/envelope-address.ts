import { type ByteString, lowerAscii } from "#bytes";
import { type Address, domainOf, parseAddress } from "#mail";
import { maxPathBytes, parsePath } from "../grammar/path.ts";
import type { House } from "./house.ts";

/** The argument of MAIL or RCPT as it goes into the envelope, and its parameter words. */
export type EnvelopeArgument = { readonly address: Address; readonly parameters: ByteString };

const ownLiteral = /@\[(?:IPv6:)?([0-9A-Fa-f.:]+)\]$/i;

/** `box@[own address]` becomes `box@localiphost` (spec Q-026). */
function withHostName(house: House, address: ByteString): ByteString {
  const name = house.controls.localIpHost;
  const literal = name !== null && address.endsWith("]") ? ownLiteral.exec(address) : null;
  if (literal === null || !house.isOwnAddress(literal[1]!)) return address;
  return `${address.slice(0, literal.index + 1)}${name}`;
}

/** Reads MAIL's or RCPT's argument; null if it cannot be an envelope address. */
export function readEnvelopeArgument(house: House, argument: ByteString): EnvelopeArgument | null {
  const path = parsePath(argument);
  const text = path === null ? null : withHostName(house, path.address);
  const address = text === null || text.length > maxPathBytes ? null : parseAddress(text);
  return address === null ? null : { address, parameters: path!.parameters };
}

/** Whether a list of `user@host` and `@host` (lower case) names this address (spec G47: no wildcards). */
export function isListed(list: ReadonlySet<ByteString>, address: ByteString): boolean {
  if (list.size === 0 || address === "") return false;
  const lower = lowerAscii(address);
  return list.has(lower) || (lower.includes("@") && list.has(`@${domainOf(lower)}`));
}
