import { readFileSync } from "node:fs";
import { isIP, isIPv4 } from "node:net";
import { readLines } from "#control";

/** Where questions go: an IP address and a port, for UDP and TCP alike. */
export type DnsServer = { readonly address: string; readonly port: number };

const defaultPort = 53;
/** resolv.conf(5): MAXNS is 3; more servers only make a dead network slower to notice. */
const maxServers = 3;
const bracketed = /^\[([^\]]+)\](?::([0-9]{1,5}))?$/;
const plain = /^([0-9.]+)(?::([0-9]{1,5}))?$/;

/** `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1`, `[2001:db8::1]:5353`; null for anything else (names too: who would look them up?). */
export function parseServer(text: string): DnsServer | null {
  if (isIP(text) === 6) return { address: text, port: defaultPort };
  const match = bracketed.exec(text) ?? plain.exec(text);
  const address = match?.[1] ?? "";
  const port = match?.[2] === undefined ? defaultPort : Number(match[2]);
  if (port < 1 || port > 65535) return null;
  const fits = text.startsWith("[") ? isIP(address) !== 0 : isIPv4(address);
  return fits ? { address, port } : null;
}

/** The `nameserver` lines of a resolv.conf(5). */
function parseResolvConf(text: string): readonly DnsServer[] {
  return text.split("\n").flatMap((line) => {
    const server = parseServer(/^nameserver[ \t]+([^ \t%;#]+)/.exec(line)?.[1] ?? "");
    return server === null ? [] : [server];
  });
}

function readResolvConf(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}

/**
 * The servers to ask: `control/dnsservers` (one `ip[:port]` a line) if the home has it, else /etc/resolv.conf, else
 * 127.0.0.1 as resolv.conf(5) says. At most three; wrong lines are left out. /etc/hosts is never read (spec G6).
 */
export function readServers(home: string, resolvConf = "/etc/resolv.conf"): readonly DnsServer[] {
  const lines = readLines(home, "dnsservers");
  const servers =
    lines === null
      ? parseResolvConf(readResolvConf(resolvConf))
      : lines.flatMap((line) => {
          const server = parseServer(line);
          return server === null ? [] : [server];
        });
  return servers.length === 0 ? [{ address: "127.0.0.1", port: defaultPort }] : servers.slice(0, maxServers);
}

/** How long a reading of the servers' list is good for. */
const freshMs = 1_000;

/** `readServers` for a long-lived process: read again at most once a second, so that an edit is seen by the next questions. */
export function liveServers(home: string, now: () => number = Date.now): () => readonly DnsServer[] {
  let readAtMs = Number.NEGATIVE_INFINITY;
  let servers: readonly DnsServer[] = [];
  return () => {
    if (Math.abs(now() - readAtMs) > freshMs) {
      servers = readServers(home);
      readAtMs = now();
    }
    return servers;
  };
}
