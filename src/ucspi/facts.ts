import type { Socket } from "node:net";
import { displayText } from "#bytes";
import type { Resolver } from "#dns";
import { plainIp } from "#net";

/** The two ends of a connection. Addresses as RFC 5952 writes them, without IPv4-mapped prefix. */
export type Ends = {
  readonly localIp: string;
  readonly localPort: number;
  readonly remoteIp: string;
  readonly remotePort: number;
};

/** What is known of a connection. A name that is undefined is not known (its variable is not set); "" is known and empty. */
export type Facts = Ends & {
  readonly localHost: string | undefined;
  readonly remoteHost: string | undefined;
  readonly remoteInfo: string | undefined;
};

/** The ends of a connected socket; null if the peer has gone already. */
export function endsOf({ localAddress, localPort, remoteAddress, remotePort }: Socket): Ends | null {
  if (localAddress === undefined || remoteAddress === undefined) return null;
  if (localPort === undefined || remotePort === undefined) return null;
  return { localIp: plainIp(localAddress), localPort, remoteIp: plainIp(remoteAddress), remotePort };
}

/** Which questions are asked about a connection, and whom. */
export type Inquiry = {
  readonly resolver: Resolver;
  /** The local host's name if it is given (`-l`); otherwise it is looked up. */
  readonly localHost: string | undefined;
  readonly asksRemoteHost: boolean;
  /** Forget a name that does not lead back to the address (`-p`). */
  readonly isParanoid: boolean;
  /** Asks IDENT; null if it is not to be asked. */
  readonly ident: ((ends: Ends) => Promise<string | null>) | null;
};

/** True if there is nothing to wait for. */
export function needsNoAnswer({ localHost, asksRemoteHost, ident }: Inquiry): boolean {
  return localHost !== undefined && !asksRemoteHost && ident === null;
}

/** What is known without asking anybody. */
export function bareFacts(ends: Ends, localHost: string | undefined): Facts {
  return { ...ends, localHost, remoteHost: undefined, remoteInfo: undefined };
}

/** Asks all that is to be asked, at the same time. Never fails: what is not known is undefined. */
export async function gatherFacts(ends: Ends, inquiry: Inquiry): Promise<Facts> {
  const { resolver, localHost, asksRemoteHost, isParanoid, ident } = inquiry;
  const [local, remote, info] = await Promise.all([
    localHost ?? nameOf(ends.localIp, resolver),
    asksRemoteHost ? remoteName(ends.remoteIp, resolver, isParanoid) : undefined,
    ident === null ? null : ident(ends),
  ]);
  return { ...ends, localHost: local, remoteHost: remote, remoteInfo: info === null ? undefined : displayText(info) };
}

async function remoteName(ip: string, resolver: Resolver, isParanoid: boolean): Promise<string | undefined> {
  const name = await nameOf(ip, resolver);
  if (name === undefined || !isParanoid) return name;
  const back = await (ip.includes(":") ? resolver.resolveIpv6(name) : resolver.resolveIpv4(name));
  return back.kind === "found" && back.values.includes(ip) ? name : undefined;
}

/** The first name of an address, in lower case; undefined if it has none or DNS does not say. */
async function nameOf(ip: string, resolver: Resolver): Promise<string | undefined> {
  const found = await resolver.resolvePtr(ip);
  return found.kind === "found" ? found.values[0] : undefined;
}
