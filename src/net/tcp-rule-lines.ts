import { isIP, SocketAddress } from "node:net";
import { trimBlanksEnd } from "#bytes";

/** One rule: let the connection in or not, and what it changes in the environment (null removes a variable). */
export type TcpRule = {
  readonly verdict: "allow" | "deny";
  readonly changes: readonly (readonly [name: string, value: string | null])[];
};

/** A rule under the key it is looked up by. */
export type KeyedTcpRule = { readonly key: string; readonly rule: TcpRule };

/** A line that is no rule, as tcprules would refuse it. */
export type BadTcpRule = { readonly kind: "malformed"; readonly line: number; readonly text: string };

/** A range may not write more rules than an octet has values. */
const maxOctet = 255;

/**
 * The rules of a text in the source format of tcprules (`127.:allow,RELAYCLIENT=""`, `1.2.3.4-7:deny`, `=host.example:allow`), in order
 * and with doublets, under their keys: a network (`10.0.0.0/8`, `2001:db8::/32`) has `_` or `^` and its bits, as in the databases of
 * ucspi-tcp's IPv6 forks. A line without colon is no rule.
 */
export function parseTcpRuleLines(text: string): readonly KeyedTcpRule[] | BadTcpRule {
  const rules: KeyedTcpRule[] = [];
  for (const [index, raw] of text.split("\n").entries()) {
    const line = trimBlanksEnd(raw);
    const colon = addressEnd(line);
    if (line === "" || line.startsWith("#") || colon < 0) continue;
    const rule = parseInstructions(line.slice(colon + 1));
    const keys = rule === null ? null : keysOf(line.slice(0, colon));
    if (rule === null || keys === null) return { kind: "malformed", line: index + 1, text: line };
    for (const key of keys) rules.push({ key: networkKey(key) ?? plainKey(key), rule });
  }
  return rules;
}

/** The address ends at the last colon before the first comma, so that IPv6 addresses need no quoting. */
function addressEnd(line: string): number {
  const comma = line.indexOf(",");
  return line.lastIndexOf(":", comma < 0 ? line.length : comma);
}

function parseInstructions(text: string): TcpRule | null {
  const verdict = text.startsWith("allow") ? "allow" : text.startsWith("deny") ? "deny" : null;
  if (verdict === null) return null;
  const changes: (readonly [string, string | null])[] = [];
  for (let at = verdict.length; at < text.length; ) {
    if (text[at] !== ",") return null;
    const removal = /^!([^,=]+)/.exec(text.slice(at + 1));
    if (removal !== null) {
      changes.push([removal[1]!, null]);
      at += 1 + removal[0].length;
      continue;
    }
    const equals = text.indexOf("=", at);
    const quote = text[equals + 1];
    const end = quote === undefined ? -1 : text.indexOf(quote, equals + 2);
    if (equals < 0 || end < 0) return null;
    changes.push([text.slice(at + 1, equals), text.slice(equals + 2, end)]);
    at = end + 1;
  }
  return { verdict, changes };
}

/** The addresses an address stands for: itself, or each of a range (`10.2-3.` is `10.2.` and `10.3.`). Null: not a number there. */
function keysOf(address: string): readonly string[] | null {
  const dash = address.indexOf("-");
  if (dash < 0 || /[=@/]/.test(address)) return [address];
  const before = address.lastIndexOf(".", dash) + 1;
  const after = /^[^.]*/.exec(address.slice(dash + 1))![0];
  const low = address.slice(before, dash);
  if (!/^\d*$/.test(low) || !/^\d*$/.test(after)) return null;
  const rest = address.slice(dash + 1 + after.length);
  const keys: string[] = [];
  for (let n = Number(low); n <= Math.min(Number(after), maxOctet); n++) keys.push(address.slice(0, before) + n + rest);
  return keys;
}

/** An IPv6 address may be written in many ways; a peer's is looked up in the one of RFC 5952. */
function plainKey(address: string): string {
  return isIP(address) === 6 ? new SocketAddress({ address, family: "ipv6" }).address : address;
}

/** An address as bits, one character each; "" for what is no IP address. */
export function bitsOf(ip: string): string {
  const family = isIP(ip);
  if (family === 4) {
    return ip
      .split(".")
      .map((octet) => Number(octet).toString(2).padStart(8, "0"))
      .join("");
  }
  return family === 6
    ? groupsOf(ip)
        .map((group) => group.toString(2).padStart(16, "0"))
        .join("")
    : "";
}

function groupsOf(ip: string): readonly number[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(ip.replace(/%.*$/, ""));
  const [a, b, c, d] = dotted === null ? [] : dotted.slice(2).map(Number);
  const hex =
    dotted === null
      ? ip.replace(/%.*$/, "")
      : `${dotted[1]}${(a! * 256 + b!).toString(16)}:${(c! * 256 + d!).toString(16)}`;
  const [head = "", tail] = hex.split("::");
  const parse = (part: string): number[] =>
    part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16));
  const left = parse(head);
  const right = parse(tail ?? "");
  return [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
}

/** `_` and the bits of an IPv4 network, `^` and those of an IPv6 one (as the forks' databases have it); null if it is not CIDR. */
function networkKey(address: string): string | null {
  const match = /^([0-9A-Fa-f:.]+)\/(\d{1,3})$/.exec(address);
  if (match === null) return null;
  const bits = bitsOf(match[1]!);
  const width = Number(match[2]);
  if (bits === "" || width > bits.length) return null;
  return (bits.length === 32 ? "_" : "^") + bits.slice(0, width);
}
