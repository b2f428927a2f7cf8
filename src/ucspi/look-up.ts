import { readFileSync } from "node:fs";
import { findHome } from "#control";
import { liveServers, makeResolver, parseServer, type Resolver } from "#dns";

/**
 * The resolver of a program: asks the servers of DNSCACHEIP (one or more, with blanks between) if that is set, else those of
 * control/dnsservers or /etc/resolv.conf.
 */
export function resolverOf(env: NodeJS.ProcessEnv): Resolver {
  const named = (env.DNSCACHEIP ?? "").split(/\s+/).flatMap((word) => parseServer(word) ?? []);
  return makeResolver({ servers: named.length > 0 ? () => named : liveServers(findHome(env)) });
}

/** The domains to look for a name without dots in: LOCALDOMAIN, or `search` or `domain` of resolv.conf(5). */
export function searchDomains(env: NodeJS.ProcessEnv, resolvConf = "/etc/resolv.conf"): readonly string[] {
  if (env.LOCALDOMAIN !== undefined) return words(env.LOCALDOMAIN);
  const line = readQuietly(resolvConf)
    .split("\n")
    .findLast((one) => /^(?:search|domain)[ \t]/.test(one));
  return line === undefined ? [] : words(line.replace(/^\w+/, ""));
}

const maxDomains = 6; // resolv.conf(5)

function words(text: string): readonly string[] {
  const domains = text.split(/\s+/).map((word) => word.replace(/^\.+|\.+$/g, ""));
  return domains.filter((domain) => domain !== "").slice(0, maxDomains);
}

function readQuietly(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return ""; // No such file: no domains.
  }
}
