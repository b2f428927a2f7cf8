import type { ByteString } from "#bytes";

/** Longest address MAIL and RCPT take, in bytes of the unquoted form (spec Q-012; qmail's 900 counts a terminator). */
export const maxPathBytes = 899;

/** The argument of MAIL or RCPT, read: the address as the envelope keeps it (unquoted), and the parameter words after it. */
export type PathArgument = { readonly address: ByteString; readonly parameters: ByteString };

/** Nothing that needs more than cutting out: no quotes, backslashes, routes. The case of nearly every command. */
const plain = /^[^<:]*:? ?<((?:[^"\\<>:@][^"\\<>:]*)?)>(.*)$/s;

/** Where the address begins and which byte ends it: `<...>`, or without brackets from the colon to a blank. */
function bounds(argument: ByteString): { readonly start: number; readonly end: ">" | " " } {
  const bracket = argument.indexOf("<");
  if (bracket >= 0) return { start: bracket + 1, end: ">" };
  const colon = argument.indexOf(":");
  let start = colon < 0 ? argument.length : colon + 1;
  while (argument[start] === " ") start++;
  return { start, end: " " };
}

/**
 * Reads the argument of MAIL or RCPT as leniently as qmail: `FROM:<a@b> SIZE=1`, `TO:a@b`, `<@route,@route:a@b>`. A source route
 * goes, quotes and backslashes go, what they protected stays (RFC 5321 §4.1.2 permits far less). No `<` and no `:` is the empty
 * address. Null if the address is longer than `maxPathBytes`. Example: `parsePath('TO:<"a b"@c>')?.address === "a b@c"`.
 */
export function parsePath(argument: ByteString): PathArgument | null {
  const simple = plain.exec(argument);
  if (simple !== null) {
    const address = simple[1]!;
    return address.length > maxPathBytes ? null : { address, parameters: simple[2]!.trim() };
  }
  const { start, end } = bounds(argument);
  let at = start;
  if (argument[at] === "@") {
    while (at < argument.length && argument[at] !== ":") at++;
    at++;
  }
  let address = "";
  let quoted = false;
  for (; at < argument.length; at++) {
    const octet = argument[at]!;
    if (octet === '"') quoted = !quoted;
    else if (octet === "\\") address += argument[++at] ?? "";
    else if (octet === end && !quoted) break;
    else address += octet;
  }
  return address.length > maxPathBytes ? null : { address, parameters: argument.slice(at + 1).trim() };
}
