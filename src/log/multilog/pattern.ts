import type { ByteString } from "#bytes";

/** Tells whether the beginning of a line fits. */
export type Fits = (head: ByteString) => boolean;

const literal = (char: string): string => char.replace(/[\\^$.*+?()[\]{}|/-]/, "\\$&");
/** Any octet, line ends too. */
const anyOctet = "[\\s\\S]";

/**
 * multilog's own patterns: `*` before a character stands for what has none of it, and stops at the first; `*` at the end for
 * anything; every other character for itself. The whole text must fit. There is no going back, so a match takes one pass.
 */
export function starPattern(pattern: ByteString): Fits {
  let source = "";
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at]!;
    const next = pattern[at + 1];
    if (char !== "*") source += literal(char);
    else if (next === undefined) source += `${anyOctet}*`;
    // What follows must be that character, which is then looked at by itself: a second star looks further from there.
    else source += `[^${literal(next)}]*(?=${literal(next)})`;
  }
  const expression = new RegExp(`^(?:${source})$`);
  return (head) => expression.test(head);
}

/** Patterns as the shell's (fnmatch(3)): `*`, `?`, `[a-z]`, `[!a-z]`, `\` before a character. (daemontools-encore, after `F`.) */
export function shellPattern(pattern: ByteString): Fits {
  let source = "";
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at]!;
    const set = char === "[" ? /^\[(!|\^)?(\]?[^\]]*)\]/.exec(pattern.slice(at)) : null;
    if (char === "*") source += `${anyOctet}*`;
    else if (char === "?") source += anyOctet;
    else if (char === "\\" && at + 1 < pattern.length) source += literal(pattern[++at]!);
    else if (set !== null && isSet(set[2] ?? "")) {
      source += `[${set[1] === undefined ? "" : "^"}${(set[2] ?? "").replace(/[\\^[\]]/g, "\\$&")}]`;
      at += set[0].length - 1;
    } else source += literal(char);
  }
  const expression = new RegExp(`^(?:${source})$`);
  return (head) => expression.test(head);
}

/** True if the inside of brackets has octets and its ranges go upwards. */
function isSet(inside: string): boolean {
  return inside !== "" && [...inside.matchAll(/([\s\S])-([\s\S])/g)].every(([, from = "", to = ""]) => from <= to);
}
