import { type BadTcpRule, bitsOf, parseTcpRuleLines, type TcpRule } from "./tcp-rule-lines.ts";

/** Who connects. `host` and `info` only if they are known; `ip` without an IPv4-mapped prefix. */
export type TcpPeer = { readonly ip: string; readonly host?: string; readonly info?: string };

/** Rules ready to be asked. */
export type TcpRules = { readonly find: (peer: TcpPeer) => TcpRule };

/** What nothing is said about: let in, nothing changed. */
export const allowAll: TcpRule = { verdict: "allow", changes: [] };

/** Reads rules as `parseTcpRuleLines` does, ready to be asked; of equal addresses the first counts. */
export function parseTcpRules(text: string): TcpRules | BadTcpRule {
  const rules = parseTcpRuleLines(text);
  if ("kind" in rules) return rules;
  const byKey = new Map<string, TcpRule>();
  for (const { key, rule } of rules) if (!byKey.has(key)) byKey.set(key, rule);
  const networks = [...byKey.keys()].filter((key) => key.startsWith("_") || key.startsWith("^"));
  const widths = [...new Set(networks.map((key) => key.length - 1))].sort((a, b) => b - a);
  return {
    find: (peer) => {
      for (const key of tcpRuleKeys(peer, widths)) {
        const rule = byKey.get(key);
        if (rule !== undefined) return rule;
      }
      return allowAll;
    },
  };
}

/** Every width a network may have, widest first: for rules of which it is not known which they have. */
export const allWidths: readonly number[] = Array.from({ length: 129 }, (_, i) => 128 - i);

/**
 * The keys under which a peer's rule may be, in the order of the original: the first that is there decides alone. Networks come behind
 * the classic prefixes, longest first, of the widths that occur.
 */
export function* tcpRuleKeys({ ip, host, info }: TcpPeer, widths: readonly number[]): Generator<string> {
  if (info !== undefined) yield `${info}@${ip}`;
  if (info !== undefined && host !== undefined) yield `${info}@=${host}`;
  yield ip;
  if (host !== undefined) yield `=${host}`;
  yield* prefixes(ip);
  if (widths.length > 0) yield* networksOf(ip, widths);
  if (host !== undefined) {
    for (let at = host.indexOf("."); at >= 0; at = host.indexOf(".", at + 1)) yield `=${host.slice(at)}`;
    yield "=";
  }
  yield "";
}

function* prefixes(ip: string): Generator<string> {
  const separator = ip.includes(":") ? ":" : ".";
  for (let at = ip.lastIndexOf(separator); at >= 0; at = at === 0 ? -1 : ip.lastIndexOf(separator, at - 1)) {
    yield ip.slice(0, at + 1);
  }
}

function* networksOf(ip: string, widths: readonly number[]): Generator<string> {
  const bits = bitsOf(ip);
  const family = bits.length === 32 ? "_" : "^";
  for (const width of widths) if (width <= bits.length && bits !== "") yield family + bits.slice(0, width);
}
