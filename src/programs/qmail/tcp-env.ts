import { Socket } from "node:net";
import { findHome } from "#control";
import { liveServers, makeResolver, type Resolver } from "#dns";
import { connectTcp, plainIp } from "#net";
import { getopt, type Program, UsageError } from "#process";

const usage = "tcp-env: usage: tcp-env [ -rR ] [ -ttimeout ] program [ arg ... ]";
const identPort = 113;
const identTimeoutSeconds = 30;
/** RFC 1413 §4: a user name has at most 512 characters; the line around it is short. */
const maxIdentBytes = 1_000;

/** The two ends of a connection. */
export type TcpEnds = {
  readonly localIp: string;
  readonly localPort: number;
  readonly remoteIp: string;
  readonly remotePort: number;
};

/** The answer of an RFC 1413 server as tcp-env keeps it: the user's name, blanks and what is beside it cut off; null if it names nobody. */
export function identUser(answer: string): string | null {
  const match = /^[^:]*:\s*USERID\s*:[^:]*:\s*([^\r\n]*)/i.exec(answer);
  const user = match?.[1]?.trim().replace(/[^\x21-\x7e]/g, "");
  return user === undefined || user === "" ? null : user;
}

/** Asks the other side's IDENT server whose connection this is. Null when it does not say, whatever the reason. */
async function askIdent(ends: TcpEnds, timeoutMs: number): Promise<string | null> {
  const socket = await connectTcp({ host: ends.remoteIp, port: identPort, from: ends.localIp }, timeoutMs);
  if (!(socket instanceof Socket)) return null;
  return new Promise((done) => {
    let answer = "";
    const settle = (user: string | null): void => {
      clearTimeout(late);
      socket.destroy();
      done(user);
    };
    const late = setTimeout(() => settle(null), timeoutMs);
    socket.setEncoding("latin1");
    socket.on("error", () => settle(null));
    socket.on("close", () => settle(identUser(answer)));
    socket.on("data", (chunk: string) => {
      answer += chunk;
      if (answer.includes("\n") || answer.length > maxIdentBytes) settle(identUser(answer));
    });
    socket.write(`${ends.remotePort} , ${ends.localPort}\r\n`);
  });
}

/** A host's name: undefined if it has none, `softdnserror` if DNS does not say for now. */
async function nameOf(ip: string, resolver: Resolver): Promise<string | undefined> {
  const found = await resolver.resolvePtr(ip);
  if (found.kind === "temporary") return "softdnserror";
  return found.kind === "found" ? found.values[0] : undefined;
}

/** What tcp-env adds to (or, undefined, takes out of) the environment of a connection (spec 2.19). */
export async function tcpEnvironment(
  ends: TcpEnds,
  resolver: Resolver,
  ident: (ends: TcpEnds) => Promise<string | null>,
): Promise<NodeJS.ProcessEnv> {
  const [localHost, remoteHost, info] = await Promise.all([
    nameOf(ends.localIp, resolver),
    nameOf(ends.remoteIp, resolver),
    ident(ends),
  ]);
  return {
    PROTO: "TCP",
    TCPLOCALIP: ends.localIp,
    TCPLOCALPORT: String(ends.localPort),
    TCPLOCALHOST: localHost,
    TCPREMOTEIP: ends.remoteIp,
    TCPREMOTEPORT: String(ends.remotePort),
    TCPREMOTEHOST: remoteHost,
    TCPREMOTEINFO: info ?? undefined,
  };
}

/** The ends of the connection a program was started on by inetd; null if its standard input is none. */
export function endsOf(stream: unknown): TcpEnds | null {
  if (!(stream instanceof Socket)) return null;
  const { localAddress, localPort, remoteAddress, remotePort } = stream;
  if (localAddress === undefined || localPort === undefined || remoteAddress === undefined || remotePort === undefined)
    return null;
  return { localIp: plainIp(localAddress), localPort, remoteIp: plainIp(remoteAddress), remotePort };
}

/** Without what is undefined: such a variable is not set, which is something else than empty. */
function merged(env: NodeJS.ProcessEnv, changes: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries({ ...env, ...changes }).filter(([, value]) => value !== undefined));
}

/**
 * `tcp-env [-rR] [-t seconds] program [arg ...]`: sets the TCP variables of the connection on stdin and goes on to the program (spec
 * 2.19), for inetd. Where PROTO is TCP already it changes nothing.
 */
export const main: Program = async (call) => {
  const parsed = getopt(call.args, "rRt:");
  if ("problem" in parsed) throw new UsageError(`tcp-env: ${parsed.problem}`);
  const [program, ...args] = parsed.rest;
  if (program === undefined) throw new UsageError(usage);
  if (call.env.PROTO === "TCP") return call.exec([program, ...args]);
  const ends = endsOf(call.stdin);
  if (ends === null) {
    call.stderr.write("tcp-env: fatal: standard input is no TCP connection\n");
    return 111;
  }
  const asksIdent = parsed.options.findLast(([letter]) => letter !== "t")?.[0] !== "R";
  const seconds = Number.parseInt(parsed.options.findLast(([letter]) => letter === "t")?.[1] ?? "", 10);
  const timeoutMs = (seconds > 0 ? seconds : identTimeoutSeconds) * 1000;
  const resolver = makeResolver({ servers: liveServers(findHome(call.env)) });
  const ident = asksIdent ? (about: TcpEnds) => askIdent(about, timeoutMs) : async () => null;
  return call.exec([program, ...args], { env: merged(call.env, await tcpEnvironment(ends, resolver, ident)) });
};
