import type { Socket } from "node:net";
import { getopt, type ProgramCall } from "#process";
import { type ClientOptions, clientLetters, readClientOptions } from "./client-options.ts";
import { dial, dialOrder } from "./dial.ts";
import { ucspiEnvironment } from "./environment.ts";
import { endsOf, gatherFacts } from "./facts.ts";
import { type Family, hostAddresses } from "./host-addresses.ts";
import { askIdent } from "./ident.ts";
import { resolverOf, searchDomains } from "./look-up.ts";
import { portNumber } from "./port-number.ts";
import { verbosityOf } from "./server-options.ts";
import { runOnSixAndSeven } from "./six-and-seven.ts";

const misused = 100;
const trouble = 111;
const usage =
  "tcpclient: usage: tcpclient [ -hHrRdDqQv ] [ -i localip ] [ -p localport ] [ -T timeoutconn ] [ -l localname ] [ -t timeoutinfo ] host port program\n";
/** A name without addresses or a service without a number are said with this name by every client of the package. */
const fatal = "tcpclient: fatal: ";

/** tcpclient: connects, and becomes the program with the connection as descriptors 6 (to read) and 7 (to write). */
export async function runClient(call: ProgramCall): Promise<number> {
  const parsed = getopt(call.args, clientLetters);
  if ("problem" in parsed) {
    call.stderr.write(`tcpclient: ${parsed.problem}\n${usage}`);
    return misused;
  }
  const [host, port, program, ...rest] = parsed.rest;
  if (host === undefined || port === undefined || program === undefined) {
    if (verbosityOf(parsed.options) !== "nothing") call.stderr.write(usage);
    return misused;
  }
  const options = readClientOptions(parsed.options);
  if ("problem" in options) {
    call.stderr.write(`${fatal}${options.problem}\n`);
    return trouble;
  }
  const socket = await connectTo(call, host, port, options);
  if (socket === null) return trouble;
  return runOnSixAndSeven(call, socket, [program, ...rest], await clientEnvironment(call, socket, options));
}

/** What is needed to connect, of a client's options. */
export type Connecting = Pick<ClientOptions, "verbosity" | "seconds" | "from" | "fromPort" | "noDelay"> & {
  readonly family: Family;
};

/** Finds and calls a host; null, with its reasons on stderr, if it cannot be had. The caller closes the socket. */
export async function connectTo(
  call: Pick<ProgramCall, "env" | "stderr">,
  host: string,
  port: string,
  { verbosity, seconds, from, fromPort, noDelay, family }: Connecting,
): Promise<Socket | null> {
  const say = (line: string): void => {
    if (verbosity !== "nothing") call.stderr.write(`${line}\n`);
  };
  const number = portNumber(port);
  if (number === null) {
    say(`${fatal}unable to figure out port number for ${port}`);
    return null;
  }
  const name = host === "" || host === "0" ? "127.0.0.1" : host;
  const found = await hostAddresses(name, { resolver: resolverOf(call.env), search: searchDomains(call.env), family });
  if ("kind" in found) {
    const none = found.kind === "none";
    say(
      `${fatal}${none ? "no" : "temporarily unable to figure out"} IP address for ${name}${none ? "" : `: ${found.reason}`}`,
    );
    return null;
  }
  const socket = await dial({
    addresses: dialOrder(found),
    port: number,
    seconds,
    failed: (ip, reason) => say(`tcpclient: unable to connect to ${ip} port ${number}: ${reason}`),
    ...(from === undefined ? {} : { from }),
    ...(fromPort === undefined ? {} : { fromPort }),
  });
  socket?.on("error", () => {});
  socket?.setNoDelay(noDelay);
  if (socket !== null && verbosity === "all") say(`tcpclient: connected to ${socket.remoteAddress} port ${number}`);
  return socket;
}

async function clientEnvironment(
  call: ProgramCall,
  socket: Socket,
  options: ClientOptions,
): Promise<NodeJS.ProcessEnv> {
  const ends = endsOf(socket);
  if (ends === null) return call.env;
  const { localHost, asksRemoteHost, identTimeoutMs } = options;
  const facts = await gatherFacts(ends, {
    resolver: resolverOf(call.env),
    localHost,
    asksRemoteHost,
    isParanoid: false,
    ident: identTimeoutMs === null ? null : (about) => askIdent(about, identTimeoutMs),
  });
  return ucspiEnvironment(call.env, facts);
}
