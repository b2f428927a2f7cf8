import { utf8ToByteString } from "#bytes";
import type { Facts } from "./facts.ts";
import { logAddress, logField } from "./log-field.ts";

/** How much is said: nothing (`-q`), errors only (`-Q`), all (`-v`). */
export type Verbosity = "nothing" | "errors" | "all";

/** The lines of a server's log, in the original's words. Each is one write. */
export type ServerLog = {
  fatal(text: string): void;
  warning(text: string): void;
  /** A connection is dropped; `reason` may hold a peer's words. */
  dropping(reason: string): void;
  status(running: number, limit: number): void;
  /** A connection has a number, and is let in or not. */
  verdict(pid: number, facts: Facts, verdict: "ok" | "deny"): void;
  from(pid: number, ip: string): void;
  end(pid: number, waitStatus: number): void;
};

/** The log of a server called `name`, by way of `write`. */
export function serverLog(name: string, verbosity: Verbosity, write: (line: string) => void): ServerLog {
  const error = (text: string): void => {
    if (verbosity !== "nothing") write(`${name}: ${text}\n`);
  };
  const all = (text: string): void => {
    if (verbosity === "all") write(`${name}: ${text}\n`);
  };
  return {
    fatal: (text) => error(`fatal: ${text}`),
    warning: (text) => error(`warning: ${text}`),
    dropping: (reason) => error(`warning: dropping connection, ${oneLine(reason)}`),
    status: (running, limit) => all(`status: ${running}/${limit}`),
    from: (pid, ip) => all(`pid ${pid} from ${logAddress(ip)}`),
    verdict: (pid, facts, verdict) => all(`${verdict} ${pid} ${ends(facts)}`),
    end: (pid, waitStatus) => all(`end ${pid} status ${waitStatus}`),
  };
}

function ends(facts: Facts): string {
  const { localHost, localIp, localPort, remoteHost, remoteIp, remoteInfo, remotePort } = facts;
  const local = `${logField(localHost)}:${logAddress(localIp)}:${localPort}`;
  return `${local} ${logField(remoteHost)}:${logAddress(remoteIp)}:${logField(remoteInfo)}:${remotePort}`;
}

function oneLine(text: string): string {
  return utf8ToByteString(text).replace(/[^\x20-\x7e]/g, "?");
}
