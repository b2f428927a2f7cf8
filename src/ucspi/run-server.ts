import { setMaxListeners } from "node:events";
import { resolve } from "node:path";
import type { Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { errorText } from "#files";
import { getopt, type ProgramCall } from "#process";
import { ConnectionServer, type ServerSettings } from "./connection-server.ts";
import { type Protocol, plainTcp } from "./environment.ts";
import { hostAddresses } from "./host-addresses.ts";
import { askIdent } from "./ident.ts";
import type { ListenAt } from "./listener.ts";
import { resolverOf, searchDomains } from "./look-up.ts";
import { portNumber } from "./port-number.ts";
import { closeInputAndOutput, dropPrivileges } from "./privileges.ts";
import { liveRuleBook } from "./rule-database.ts";
import { type Serving, serveProgram, type Words } from "./serve-program.ts";
import { type ServerLog, serverLog } from "./server-log.ts";
import { readServerOptions, type ServerOptions, serverLetters, verbosityOf } from "./server-options.ts";

const misused = 100;
const trouble = 111;
/** systemd hands on listening sockets from this descriptor on (sd_listen_fds(3)). */
const firstListenFd = 3;
const longMs = 2 ** 31 - 1;

/** What makes a server one of its kind: tcpserver, or sslserver. */
export type ServerKind = {
  readonly name: string;
  /** What stands behind `NAME: usage: NAME`. */
  readonly usage: string;
  /** Its options, as `getopt` takes them. */
  readonly letters: string;
  readonly protocol: (options: readonly (readonly [string, string])[]) => Protocol;
  /** Made before rights are given up (keys may be root's), asked after: serves a connection; or why it cannot. */
  readonly serve: (
    call: ProgramCall,
    words: Words,
    options: readonly (readonly [string, string])[],
  ) => Serving | { readonly problem: string };
};

/** tcpserver: plain TCP. */
export const tcpKind: ServerKind = {
  name: "tcpserver",
  usage:
    "[ -1UXpPhHrRoOdDqQv ] [ -c limit ] [ -x rules.cdb ] [ -B banner ] [ -g gid ] [ -u uid ] [ -b backlog ] [ -l localname ] [ -t timeout ] host port program",
  letters: serverLetters,
  protocol: () => plainTcp,
  serve: serveProgram,
};

/** Runs a server until SIGTERM; resolves with its exit code. */
export async function runServer(call: ProgramCall, kind: ServerKind): Promise<number> {
  const parsed = getopt(call.args, kind.letters);
  if ("problem" in parsed) {
    call.stderr.write(`${kind.name}: ${parsed.problem}\n${usageLine(kind)}`);
    return misused;
  }
  const [host, port, ...program] = parsed.rest;
  const log = serverLog(kind.name, verbosityOf(parsed.options), (line) => void call.stderr.write(line));
  if (host === undefined || port === undefined || !isWords(program)) {
    if (verbosityOf(parsed.options) !== "nothing") call.stderr.write(usageLine(kind));
    return misused;
  }
  const options = readServerOptions(parsed.options, call.env);
  const at = "problem" in options ? options : await findPlace(call.env, host, port, options);
  const serve = kind.serve(call, program, parsed.options);
  const problem = [options, at, serve].find((part) => "problem" in part);
  if ("problem" in options || "problem" in at || "problem" in serve) {
    log.fatal(problem !== undefined && "problem" in problem ? problem.problem : "");
    return trouble;
  }
  const protocol = kind.protocol(parsed.options);
  const server = new ConnectionServer(settingsOf(call, options, { protocol, at, serving: serve, log }));
  return (await openServer(call, server, options, log)) ?? keepServer(call, server, options, { log, serving: serve });
}

function isWords(words: readonly string[]): words is Words {
  return words.length > 0;
}

function usageLine({ name, usage }: ServerKind): string {
  return `${name}: usage: ${name} ${usage}\n`;
}

/** The sockets systemd hands on, or the place to listen at; or why there is none. */
async function findPlace(
  env: NodeJS.ProcessEnv,
  host: string,
  port: string,
  options: ServerOptions,
): Promise<readonly ListenAt[] | { readonly problem: string }> {
  const number = portNumber(port);
  if (number === null) return { problem: `unable to figure out port number for ${port}` };
  if (env.LISTEN_PID === String(process.pid)) {
    const count = Number(env.LISTEN_FDS);
    if (count > 0) return Array.from({ length: count }, (_, at) => ({ fd: firstListenFd + at }));
  }
  const address = await addressOf(env, host, options);
  if (typeof address !== "string") return address;
  const scoped = options.scope === undefined ? address : `${address}%${options.scope}`;
  return [{ host: scoped, port: number, ipv6Only: options.family === "6" && address === "::" }];
}

async function addressOf(
  env: NodeJS.ProcessEnv,
  host: string,
  { family }: ServerOptions,
): Promise<string | { readonly problem: string }> {
  if (host === ":0" || host === "::") return "::";
  if (host === "" || host === "0") return family === "6" ? "::" : "0.0.0.0";
  const found = await hostAddresses(host, { resolver: resolverOf(env), search: searchDomains(env), family });
  if (!("kind" in found)) return found[0]!;
  if (found.kind === "none") return { problem: `no IP address for ${host}` };
  return { problem: `temporarily unable to figure out IP address for ${host}: ${found.reason}` };
}

function settingsOf(
  call: ProgramCall,
  options: ServerOptions,
  parts: {
    readonly protocol: Protocol;
    readonly at: readonly ListenAt[];
    readonly serving: Serving;
    readonly log: ServerLog;
  },
): ServerSettings {
  const { identTimeoutMs, rulesPath, rulesMayBeMissing } = options;
  const { LISTEN_FDS: _fds, LISTEN_PID: _pid, LISTEN_FDNAMES: _names, ...env } = call.env;
  return {
    ...options,
    ...parts,
    env,
    serve: parts.serving.serve,
    limitPerHost: () => options.limitPerHost,
    banner: Buffer.from(options.banner),
    inquiry: {
      resolver: resolverOf(env),
      localHost: options.localHost,
      asksRemoteHost: options.asksRemoteHost,
      isParanoid: options.isParanoid,
      ident: identTimeoutMs === null ? null : (ends) => askIdent(ends, identTimeoutMs),
    },
    rules:
      rulesPath === null
        ? null
        : { path: rulesPath, mayBeMissing: rulesMayBeMissing, book: liveRuleBook(resolve(call.cwd, rulesPath)) },
  };
}

/** Listens, gives up rights, says the port, lets go of input and output: in this order. Null, or the exit code. */
async function openServer(
  call: ProgramCall,
  server: ConnectionServer,
  options: ServerOptions,
  log: ServerLog,
): Promise<number | null> {
  const opened = await server.open();
  if (typeof opened !== "number") {
    log.fatal(`unable to ${opened.step}: ${errorText(opened.error)}`);
    return trouble;
  }
  const problem = dropPrivileges(call, options.gid, options.uid);
  if (problem !== null) {
    server.stop();
    log.fatal(problem);
    return trouble;
  }
  if (options.printsPort) await said(call.stdout, `${opened}\n`);
  closeInputAndOutput(call);
  return null;
}

function said(stdout: Writable, text: string): Promise<void> {
  return new Promise((done) => {
    stdout.write(text, () => done());
  });
}

/**
 * Serves until SIGTERM; SIGHUP reads a limit that stands in a file again. Connections with a process of their own are left alone then;
 * those in this process are told to end (their programs' `signal`) and get time for it.
 */
async function keepServer(
  call: ProgramCall,
  server: ConnectionServer,
  options: ServerOptions,
  { log, serving }: { readonly log: ServerLog; readonly serving: Serving },
): Promise<number> {
  const reload = (): void => {
    const problem = options.reloadLimit();
    if (problem !== null) log.warning(`${problem}; the limit stays`);
    server.admit();
  };
  // In another program's process signals are that one's business.
  const hears = call.become !== null;
  if (hears) process.on("SIGHUP", reload);
  server.admit();
  // While all that is left is to wait for a signal (at the limit, with children of its own), Node would see no reason to go on.
  const alive = setInterval(() => {}, longMs);
  await aborted(call.signal);
  clearInterval(alive);
  if (hears) process.off("SIGHUP", reload);
  server.stop();
  if (serving.isInside) await Promise.race([server.idle(), sleep(options.drainMs, null, { ref: false })]);
  return 0;
}

function aborted(signal: AbortSignal): Promise<void> {
  // Each connection's program may listen to it, too.
  setMaxListeners(0, signal);
  if (signal.aborted) return Promise.resolve();
  return new Promise((done) => signal.addEventListener("abort", () => done(), { once: true }));
}
