import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { isIP, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { errorText } from "#files";
import { getopt, multiCallPath, type ProgramCall } from "#process";
import { clientLetters, readClientOptions } from "../client-options.ts";
import { ucspiEnvironment } from "../environment.ts";
import { bareFacts, endsOf } from "../facts.ts";
import { waitCode } from "../run-child.ts";
import { connectTo } from "../run-client.ts";
import { verbosityOf } from "../server-options.ts";
import { readFd, writeFd } from "../six-and-seven.ts";
import { tlsVariables } from "./tls-variables.ts";

const misused = 100;
const trouble = 111;
const handshakeMs = 60_000;
const usage =
  "sslclient: usage: sslclient [ -46hHrRdDqQveEsSxXnN ] [ -i localip ] [ -p localport ] [ -T timeoutconn ] [ -l localname ] [ -a cafile ] [ -c certfile ] [ -k keyfile ] [ -C ciphers ] host port program\n";

type Options = readonly (readonly [letter: string, value: string])[];

/**
 * sslclient: connects by TLS and runs the program as a child, with plain text on descriptors 6 and 7. The server's certificate must be
 * good and for the host's name, unless `-X`, `-N` say otherwise.
 */
export async function runTlsClient(call: ProgramCall): Promise<number> {
  const parsed = getopt(call.args, `${clientLetters}eEsSxXnNa:c:k:C:`);
  if ("problem" in parsed) {
    call.stderr.write(`sslclient: ${parsed.problem}\n${usage}`);
    return misused;
  }
  const [host, port, program, ...rest] = parsed.rest;
  if (host === undefined || port === undefined || program === undefined) {
    if (verbosityOf(parsed.options) !== "nothing") call.stderr.write(usage);
    return misused;
  }
  const options = readClientOptions(parsed.options);
  const fatal = (text: string): number => {
    if (verbosityOf(parsed.options) !== "nothing") call.stderr.write(`sslclient: fatal: ${text}\n`);
    return trouble;
  };
  if ("problem" in options) return fatal(options.problem);
  const wishes = readWishes(parsed.options, host);
  if ("problem" in wishes) return fatal(wishes.problem);
  const socket = await connectTo(call, host, port, options);
  if (socket === null) return trouble;
  const ends = endsOf(socket);
  const secure = await handshake(socket, wishes);
  if ("trouble" in secure || ends === null) {
    socket.destroy();
    return fatal(`unable to speak TLS: ${"trouble" in secure ? secure.trouble : "connection closed"}`);
  }
  const protocol = { tls: true, alsoTcp: isOn(parsed.options, "e", "E") };
  const env = ucspiEnvironment(call.env, bareFacts(ends, options.localHost), protocol);
  const told = isOn(parsed.options, "s", "S") ? { ...env, ...tlsVariables(secure) } : env;
  return runBeside(call, secure, [program, ...rest], told);
}

function isOn(options: Options, on: string, off: string, otherwise = false): boolean {
  const letter = options.findLast(([one]) => one === on || one === off)?.[0];
  return letter === undefined ? otherwise : letter === on;
}

/** What the client wants of TLS; or which file cannot be read. */
function readWishes(options: Options, host: string): ConnectionOptions | { readonly problem: string } {
  const file = (letter: string): Buffer | undefined => {
    const path = options.findLast(([one]) => one === letter)?.[1];
    return path === undefined ? undefined : readFileSync(path);
  };
  try {
    const [ca, cert, key] = [file("a"), file("c"), file("k") ?? file("c")];
    const ciphers = options.findLast(([one]) => one === "C")?.[1];
    return {
      minVersion: "TLSv1.2",
      rejectUnauthorized: isOn(options, "x", "X", true),
      ...(isIP(host) === 0 ? { servername: host } : { host }),
      ...(isOn(options, "n", "N", true) ? {} : { checkServerIdentity: () => undefined }),
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(ciphers === undefined ? {} : { ciphers }),
    };
  } catch (error) {
    return { problem: `unable to read certificate or key: ${errorText(error)}` };
  }
}

function handshake(socket: Socket, wishes: ConnectionOptions): Promise<TLSSocket | { readonly trouble: string }> {
  return new Promise((done) => {
    const secure = connect({ ...wishes, socket });
    const late = setTimeout(() => fail("timed out"), handshakeMs);
    const fail = (reason: string): void => {
      clearTimeout(late);
      secure.on("error", () => {}).destroy();
      done({ trouble: reason });
    };
    const failed = (error: Error): void => fail(error.message);
    secure.once("error", failed).once("secureConnect", () => {
      clearTimeout(late);
      secure.off("error", failed).on("error", () => {});
      done(secure);
    });
  });
}

/** The program as a child, its descriptors 6 and 7 pipes to this process, which encrypts. Its exit code. */
async function runBeside(
  call: ProgramCall,
  secure: TLSSocket,
  words: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const ours = call.isOwn(words) && !words[0].includes("/");
  const [program, args] = ours ? [multiCallPath, words] : [words[0], words.slice(1)];
  const child = spawn(program, args, {
    env,
    stdio: ["inherit", "inherit", "inherit", "ignore", "ignore", "ignore", "pipe", "pipe"],
  });
  const stdio: readonly unknown[] = child.stdio;
  const [toProgram, fromProgram] = [stdio[readFd], stdio[writeFd]];
  if (toProgram instanceof Duplex && fromProgram instanceof Duplex) {
    for (const stream of [toProgram, fromProgram]) stream.on("error", () => {});
    secure.pipe(toProgram);
    fromProgram.pipe(secure);
  }
  const stop = (): void => void child.kill("SIGTERM");
  call.signal.addEventListener("abort", stop, { once: true });
  const code = await waitCode(child);
  call.signal.removeEventListener("abort", stop);
  await new Promise<void>((done) => {
    if (secure.destroyed) done();
    else secure.once("close", () => done()).destroySoon();
  });
  if (typeof code === "number") return code;
  call.stderr.write(`sslclient: fatal: unable to run ${words[0]}: ${code.trouble}\n`);
  return trouble;
}
