import { reverseName } from "#dns";
import type { Dns, Resolved } from "../dns.ts";

/** What a name has: `TXT`s, addresses, exchangers; `trouble` is a server that does not answer. */
export type ZoneName = {
  readonly txt?: readonly string[];
  readonly a?: readonly string[];
  readonly aaaa?: readonly string[];
  readonly mx?: readonly string[];
  readonly ptr?: readonly string[];
  readonly trouble?: true;
};

/** A resolver over a literal zone, for tests. `asked` gets every question: `TXT example.org`. */
export function zoneDns(zone: Readonly<Record<string, ZoneName>>, asked: string[] = []): Dns {
  const names = new Map(Object.entries(zone));
  const look =
    <T>(type: string, pick: (name: ZoneName) => readonly T[] | undefined) =>
    async (name: string): Promise<Resolved<T>> => {
      asked.push(`${type} ${name}`);
      const entry = names.get(name.toLowerCase());
      if (entry === undefined) return { kind: "no-name" };
      if (entry.trouble) return { kind: "temporary", reason: "no answer" };
      const values = pick(entry) ?? [];
      return values.length === 0 ? { kind: "no-data" } : { kind: "found", values };
    };
  const ptr = look("PTR", ({ ptr }) => ptr);
  return {
    resolveTxt: look("TXT", ({ txt }) => txt),
    resolveIpv4: look("A", ({ a }) => a),
    resolveIpv6: look("AAAA", ({ aaaa }) => aaaa),
    resolveMx: look("MX", ({ mx }) => mx?.map((exchange, index) => ({ preference: index, exchange }))),
    resolvePtr: (address) => ptr(reverseName(address) ?? ""),
  };
}
