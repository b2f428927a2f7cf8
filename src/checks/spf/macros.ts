import { isIPv4 } from "node:net";
import type { ByteString } from "#bytes";

/** What macros are made of (RFC 7208 §7.2). */
export type MacroValues = {
  /** The sender as evaluated: `postmaster` put in where a local part is missing. */
  readonly sender: ByteString;
  readonly ip: string;
  readonly helo: ByteString;
  /** The domain whose record is being evaluated. */
  readonly domain: ByteString;
  /** Who we are, for r. */
  readonly receiver: ByteString;
  /** Unix seconds, for t. */
  readonly nowSeconds: number;
  /** p: asked only where it occurs. */
  readonly validatedName: () => Promise<ByteString>;
};

const macro = /%(?:\{([a-zA-Z])([0-9]*)([rR]?)([-.+,/_=]*)\}|([%_-]))/g;
const literals: ReadonlyMap<string, string> = new Map([
  ["%", "%"],
  ["_", " "],
  ["-", "%20"],
]);

/** Expands a macro-string that the record's grammar has accepted. */
export async function expandMacros(text: ByteString, values: MacroValues): Promise<ByteString> {
  let expanded = "";
  let from = 0;
  for (const match of text.matchAll(macro)) {
    const [whole, letter = "", digits = "", reverse = "", delimiters = "", literal] = match;
    expanded += text.slice(from, match.index);
    from = match.index + whole.length;
    if (literal !== undefined) {
      expanded += literals.get(literal) ?? "";
      continue;
    }
    const value = transformed(
      await macroValue(letter.toLowerCase(), values),
      digits,
      reverse !== "",
      delimiters || ".",
    );
    expanded += letter >= "A" && letter <= "Z" ? escapedForUrl(value) : value;
  }
  return expanded + text.slice(from);
}

async function macroValue(letter: string, values: MacroValues): Promise<ByteString> {
  const { sender, ip, domain, helo } = values;
  const at = sender.lastIndexOf("@");
  switch (letter) {
    case "s":
      return sender;
    case "l":
      return sender.slice(0, at);
    case "o":
      return sender.slice(at + 1);
    case "d":
      return domain;
    case "i":
      return isIPv4(ip) ? ip : [...nibbles(ip)].join(".").toUpperCase();
    case "p":
      return values.validatedName();
    case "v":
      return isIPv4(ip) ? "in-addr" : "ip6";
    case "h":
      return helo;
    case "c":
      return ip;
    case "r":
      return values.receiver;
    case "t":
      return String(values.nowSeconds);
    default:
      return "";
  }
}

function transformed(value: ByteString, digits: string, reverse: boolean, delimiters: string): ByteString {
  if (digits === "" && !reverse && delimiters === ".") return value;
  const parts = splitAt(value, delimiters);
  if (reverse) parts.reverse();
  const kept = digits === "" ? parts : parts.slice(-Math.min(parts.length, Number(digits)));
  return kept.join(".");
}

function splitAt(value: ByteString, delimiters: string): ByteString[] {
  const parts: ByteString[] = [""];
  for (const character of value) {
    if (delimiters.includes(character)) parts.push("");
    else parts[parts.length - 1] += character;
  }
  return parts;
}

/** RFC 3986 §2.3: unreserved characters stay. */
function escapedForUrl(value: ByteString): ByteString {
  return value.replace(
    /[^A-Za-z0-9._~-]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}

/** The 32 hexadecimal digits of an IPv6 address. */
export function nibbles(ip: string): string {
  const plain = ip.replace(/%.*$/, "");
  const four = /^(.*:)([0-9]+)\.([0-9]+)\.([0-9]+)\.([0-9]+)$/.exec(plain);
  const hex = (high: string | undefined, low: string | undefined): string =>
    (Number(high) * 256 + Number(low)).toString(16);
  const text = four === null ? plain : `${four[1]}${hex(four[2], four[3])}:${hex(four[4], four[5])}`;
  const [head = "", tail] = text.split("::");
  const groups = (part: string): string[] => (part === "" ? [] : part.split(":"));
  const [before, after] = [groups(head), groups(tail ?? "")];
  const gap = tail === undefined ? [] : Array<string>(8 - before.length - after.length).fill("0");
  return [...before, ...gap, ...after].map((group) => group.padStart(4, "0")).join("");
}
