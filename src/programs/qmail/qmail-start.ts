import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { PassThrough, type Writable } from "node:stream";
import { ControlError, findHome } from "#control";
import { makeExec, type Program, type ProgramCall } from "#process";
import { StartFailure } from "#supervise";
import { portNames, readOptions } from "../quail/start/options.ts";
import { StartError } from "../quail/start/start-error.ts";
import { runHouse } from "../quail/start.ts";

/** qmail's own, where the command line names none. */
const usualDelivery = "./Mailbox";
/** No ports: what comes from the network comes through tcpserver and qmail-smtpd, or through quail start. */
const words = ["--quiet", ...portNames.map((name) => `--port=${name}=off`)];
/** Lines that wait for a logger; what comes beyond is in log/ only. */
const maxWaitingBytes = 16 * 1024 * 1024;
const stampChars = "@4000000037c219bf2ef02e94 ".length;

/** The log without its stamps, for a logger that stamps by itself. */
const unstamped = (lines: Buffer): string =>
  lines
    .toString("latin1")
    .split("\n")
    .map((line) => line.slice(/^@[0-9a-f]{24} /.test(line) ? stampChars : 0))
    .join("\n");

function writerTo(stream: Writable): (lines: Buffer) => void {
  // A logger that has gone takes no lines; the mail goes on, and log/ has them.
  stream.on("error", () => {});
  return (lines) => {
    if (stream.writableLength < maxWaitingBytes) stream.write(unstamped(lines), "latin1");
  };
}

async function run(call: ProgramCall, delivery: string, logTo: (lines: Buffer) => void): Promise<number> {
  const home = resolve(call.cwd, findHome(call.env));
  const cannot = (why: string): number => {
    logTo(Buffer.from(`alert: cannot start: ${why}\n`));
    return 111;
  };
  // A home is not made here: it is the admin's, and says whose mail this is.
  if (!existsSync(join(home, "control"))) return cannot("unable to read controls");
  try {
    return await runHouse({ call, options: readOptions(words), home, defaultDelivery: delivery, logTo });
  } catch (error) {
    // Services say why in the log themselves; here it is told once more, with the file that is wrong.
    if (error instanceof StartError || error instanceof StartFailure || error instanceof ControlError) {
      return cannot(error.message);
    }
    throw error;
  }
}

/** Starts the logger. It ends with its input, not by the signal that ends us: the last lines are the ones one wants to see. */
async function runLogger(call: ProgramCall, words: readonly [string, ...string[]], stdin: PassThrough) {
  const { findProgram } = await import("../index.ts");
  const { env, cwd, stdout, stderr, input } = call;
  const signal = new AbortController().signal;
  return { ended: makeExec(findProgram, { env, cwd, stdin, stdout, stderr, input, signal })(words) };
}

/**
 * `qmail-start [defaultdelivery [logger arg ...]]`: the queue and its deliveries in the foreground, without a network port (spec 2.5). The
 * log goes to the logger's standard input, else to standard output; nothing else is said. TERM ends it in order, ALRM
 * and HUP are passed on. Exit 111 when it cannot start.
 */
export const main: Program = async (call) => {
  const [delivery = usualDelivery, logger, ...args] = call.args;
  if (logger === undefined) return run(call, delivery, writerTo(call.stdout));
  const lines = new PassThrough({ highWaterMark: maxWaitingBytes });
  const logged = await runLogger(call, [logger, ...args], lines);
  const code = await run(call, delivery, writerTo(lines));
  lines.end();
  await logged.ended;
  return code;
};
