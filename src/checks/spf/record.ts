import { isIPv4, isIPv6 } from "node:net";
import { type ByteString, lowerAscii } from "#bytes";

/** What a directive gives when it matches (RFC 7208 §4.6.2). */
export type Qualified = "pass" | "fail" | "softfail" | "neutral";

/** A mechanism of a record; `target` is a domain-spec with its macros unexpanded, null for the current domain (RFC 7208 §5). */
export type Mechanism =
  | { readonly kind: "all" }
  | { readonly kind: "include" | "exists"; readonly target: ByteString }
  | { readonly kind: "a" | "mx"; readonly target: ByteString | null; readonly bits4: number; readonly bits6: number }
  | { readonly kind: "ptr"; readonly target: ByteString | null }
  | { readonly kind: "ip4" | "ip6"; readonly network: string; readonly bits: number };

export type Directive = { readonly qualified: Qualified; readonly mechanism: Mechanism };

/** A record, read in whole: a mistake anywhere in it is one of all of it (RFC 7208 §4.6). */
export type SpfRecord = {
  readonly directives: readonly Directive[];
  readonly redirect: ByteString | null;
  readonly explanation: ByteString | null;
};

/** Terms of a record that are read: DNS allows no more than some 16,000. */
const maxTerms = 5_000;

/** RFC 7208 §4.5: `v=spf1`, then a space or nothing. */
export const isSpfRecord = (text: ByteString): boolean => /^v=spf1(?: |$)/i.test(text);

const qualifiers: ReadonlyMap<string, Qualified> = new Map([
  ["+", "pass"],
  ["-", "fail"],
  ["~", "softfail"],
  ["?", "neutral"],
]);

const modifier = /^([A-Za-z][A-Za-z0-9_.-]*)=(.*)$/s;
const term = /^([+?~-]?)([A-Za-z][A-Za-z0-9_.-]*)(.*)$/s;

/** Reads what `isSpfRecord` is true for; null if it is malformed. */
export function parseSpfRecord(text: ByteString): SpfRecord | null {
  if (/[^\x20-\x7e]/.test(text)) return null; // RFC 7208 §3.1: ASCII only.
  const words = text
    .slice("v=spf1".length)
    .split(/ +/)
    .filter((word) => word !== "");
  if (words.length > maxTerms) return null;
  const directives: Directive[] = [];
  const modifiers = new Map<string, ByteString>();
  for (const word of words) {
    const [, name, value] = modifier.exec(word) ?? [];
    if (name !== undefined && value !== undefined) {
      if (!takeModifier(modifiers, lowerAscii(name), value)) return null;
      continue;
    }
    const directive = parseDirective(word);
    if (directive === null) return null;
    directives.push(directive);
  }
  return { directives, redirect: modifiers.get("redirect") ?? null, explanation: modifiers.get("exp") ?? null };
}

/** RFC 7208 §6: redirect and exp once each, with a domain; unknown ones are ignored, but must be well formed. */
function takeModifier(modifiers: Map<string, ByteString>, name: string, value: ByteString): boolean {
  if (name !== "redirect" && name !== "exp") return isMacroString(value);
  if (modifiers.has(name) || !isDomainSpec(value)) return false;
  modifiers.set(name, value);
  return true;
}

function parseDirective(word: ByteString): Directive | null {
  const [, sign = "", name = "", rest = ""] = term.exec(word) ?? [];
  const mechanism = parseMechanism(lowerAscii(name), rest);
  return mechanism === null ? null : { qualified: qualifiers.get(sign) ?? "pass", mechanism };
}

function parseMechanism(name: string, rest: ByteString): Mechanism | null {
  switch (name) {
    case "all":
      return rest === "" ? { kind: "all" } : null;
    case "include":
    case "exists":
      return rest.startsWith(":") && isDomainSpec(rest.slice(1)) ? { kind: name, target: rest.slice(1) } : null;
    case "ptr":
      if (rest === "") return { kind: "ptr", target: null };
      return rest.startsWith(":") && isDomainSpec(rest.slice(1)) ? { kind: "ptr", target: rest.slice(1) } : null;
    case "a":
    case "mx":
      return parseWithPrefixes(name, rest);
    case "ip4":
    case "ip6":
      return rest.startsWith(":") ? parseNetwork(name, rest.slice(1)) : null;
    default:
      return null;
  }
}

/** RFC 7208 §5.6: no leading zeros. */
const bits4 = /^(?:0|[1-9][0-9]?)$/;
const bits6 = /^(?:0|[1-9][0-9]{0,2})$/;
const dualCidr = /^(.*?)(?:\/([0-9]*))?(?:\/\/([0-9]*))?$/s;

function parseWithPrefixes(kind: "a" | "mx", rest: ByteString): Mechanism | null {
  const [, head = "", four, six] = dualCidr.exec(rest) ?? [];
  if (four !== undefined && !(bits4.test(four) && Number(four) <= 32)) return null;
  if (six !== undefined && !(bits6.test(six) && Number(six) <= 128)) return null;
  const lengths = { bits4: Number(four ?? 32), bits6: Number(six ?? 128) };
  if (head === "") return { kind, target: null, ...lengths };
  return head.startsWith(":") && isDomainSpec(head.slice(1)) ? { kind, target: head.slice(1), ...lengths } : null;
}

function parseNetwork(kind: "ip4" | "ip6", text: ByteString): Mechanism | null {
  const [network = "", bits, ...more] = text.split("/");
  if (more.length > 0 || (kind === "ip4" ? !isIPv4(network) : !isIPv6(network) || network.includes("%"))) return null;
  const [most, grammar] = kind === "ip4" ? ([32, bits4] as const) : ([128, bits6] as const);
  if (bits !== undefined && !(grammar.test(bits) && Number(bits) <= most)) return null;
  return { kind, network, bits: bits === undefined ? most : Number(bits) };
}

const macro = /%(?:\{[slodiphcrtvSLODIPHCRTV](?:0*[1-9][0-9]{0,3})?[rR]?[-.+,/_=]*\}|[%_-])/g;

/** RFC 7208 §7.1 macro-string: visible characters, every % the beginning of a macro. */
export function isMacroString(text: ByteString): boolean {
  return !text.replace(macro, "").includes("%");
}

/** A name has 253 octets; macros are a little longer than what they stand for. */
const maxSpecChars = 1_000;
const macroAtEnd = /%(?:\{[^}]*\}|[%_-])$/;
const topLabel = /\.(?:[A-Za-z0-9]*[A-Za-z][A-Za-z0-9]*|[A-Za-z0-9]+-[A-Za-z0-9-]*[A-Za-z0-9])\.?$/;

/** RFC 7208 §7.1 domain-spec: a macro-string that ends in a macro or in a top label; c, r and t only in explanations. */
export function isDomainSpec(text: ByteString): boolean {
  if (text === "" || text.length > maxSpecChars || !isMacroString(text) || /%\{[crtCRT]/.test(text)) return false;
  return macroAtEnd.test(text) || topLabel.test(text);
}
