import { isIP } from "node:net";
import { utf8ToByteString } from "#bytes";
import { dnsName, type Resolved, type Resolver } from "#dns";
import { dottedQuad } from "./scan-number.ts";

/** Which families of addresses are wanted: both, or one of them (`-4`, `-6`). */
export type Family = "any" | "4" | "6";

/** Addresses of a host, at least one; or none; or not known now, with the reason. */
export type HostAddresses =
  | readonly string[]
  | { readonly kind: "none" }
  | { readonly kind: "temporary"; readonly reason: string };

/** How a name is looked up: `search` are the domains that a name without dots gets (resolv.conf, LOCALDOMAIN). */
export type HostLookUp = { readonly resolver: Resolver; readonly search: readonly string[]; readonly family: Family };

/** The address that is written, if it is one: `1.2.3.4`, `::1`, either in brackets. */
function literalAddress(word: string): string | null {
  const bare = /^\[(.*)\]$/.exec(word)?.[1] ?? word;
  return dottedQuad(bare) ?? (isIP(bare) === 0 ? null : bare);
}

/** RFC 6761 §6.3: this name never needs DNS. */
const loopback: Readonly<Record<Family, readonly string[]>> = {
  any: ["127.0.0.1", "::1"],
  "4": ["127.0.0.1"],
  "6": ["::1"],
};

/** The addresses of a host as typed: an address as it is, a name by DNS. Of both families, IPv4 comes first. */
export async function hostAddresses(word: string, { resolver, search, family }: HostLookUp): Promise<HostAddresses> {
  const literal = literalAddress(word);
  if (literal !== null) return family !== "any" && isIP(literal) !== Number(family) ? { kind: "none" } : [literal];
  if (word === "localhost") return loopback[family];
  const host = utf8ToByteString(word);
  if (dnsName(host) === null) return { kind: "temporary", reason: "protocol error" };
  for (const name of candidates(host, search)) {
    const found = await ask(resolver, name, family);
    if (found.kind === "found") return found.values;
    if (found.kind === "temporary") return { kind: "temporary", reason: found.reason };
  }
  return { kind: "none" };
}

/** A name with a dot stands for itself; one without is looked for in each domain of the search list, then as it is. */
function candidates(host: string, search: readonly string[]): readonly string[] {
  if (host.includes(".")) return [host];
  return [...search.map((domain) => `${host}.${domain}`), host];
}

function ask(resolver: Resolver, name: string, family: Family): Promise<Resolved<string>> {
  if (family === "4") return resolver.resolveIpv4(name);
  return family === "6" ? resolver.resolveIpv6(name) : resolver.resolveAddresses(name);
}
