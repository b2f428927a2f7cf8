import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { displayText, fromBytes } from "#bytes";
import { type DeliveryJob, domainOf, type Outcome, permanent, temporary } from "#mail";
import { piecesOf } from "./message-body.ts";
import { combine, parseReport } from "./report.ts";
import { say } from "./texts.ts";

/** A report needs some hundred bytes; what a program prints beyond this is not read. */
const maxOutputBytes = 64 * 1024;
/** A program that takes longer than a day is not coming back. */
const maxRunMs = 86_400_000;
const temporaryExit = 111;

type Child = ChildProcessByStdio<Writable, Readable, null>;

/** What qmail-rspawn says of a program that is not our qmail-remote (spec 4.9). */
const ended = {
  crashed: temporary("qmail-remote crashed.\n"),
  notRunForNow: temporary("Unable to run qmail-remote.\n"),
  notRun: permanent("Unable to run qmail-remote.\n"),
  silent: temporary("qmail-remote produced no output.\n"),
} as const;

/** Resolves when the program takes more, or is gone. */
function drained(stdin: Writable): Promise<void> {
  return new Promise((done) => {
    const settle = (): void => {
      stdin.off("drain", settle);
      stdin.off("close", settle);
      done();
    };
    stdin.on("drain", settle);
    stdin.on("close", settle);
  });
}

/** Feeds the message. False if it could not be read: the program is then killed before it can take the part for the whole. */
async function feed(child: Child, { message }: DeliveryJob): Promise<boolean> {
  child.stdin.on("error", () => {}); // A program need not read its message; what it reports counts.
  try {
    for await (const piece of message.whole === null ? piecesOf(message) : [message.whole]) {
      if (child.stdin.destroyed) return true;
      if (!child.stdin.write(piece)) await drained(child.stdin);
    }
    child.stdin.end();
    return true;
  } catch {
    child.kill("SIGKILL");
    return false;
  }
}

async function gather(stdout: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let have = 0;
  for await (const chunk of stdout as AsyncIterable<Buffer>) {
    if (have < maxOutputBytes) chunks.push(chunk);
    have += chunk.length;
  }
  return fromBytes(Buffer.concat(chunks).subarray(0, maxOutputBytes));
}

/** The exit code; null if a signal ended it. */
function whenEnded(child: Child): Promise<number | null> {
  return new Promise((resolve) => {
    child.on("error", () => {}); // A kill that fails; the program's end is what counts.
    child.once("close", (code) => resolve(code));
  });
}

/**
 * Makes a `deliver` that runs a program instead of our own qmail-remote (QMAILREMOTE; spec Q-199): `program host sender recipient`
 * with the message on stdin, its report mapped as qmail-rspawn does. Its stderr is ours. A program that cannot be started is a
 * temporary failure: a slip in configuration must not bounce mail.
 */
export function deliverByProgram(program: string, env: NodeJS.ProcessEnv): (job: DeliveryJob) => Promise<Outcome> {
  return async (job) => {
    if (!job.recipient.includes("@")) return say.noHostInAddress;
    const args = [domainOf(job.recipient), job.sender, job.recipient];
    if (args.some((word) => word.includes("\0"))) return say.lineBreakInAddress;
    const child = spawn(program, args.map(displayText), { env, stdio: ["pipe", "pipe", "inherit"] });
    if (child.pid === undefined) {
      child.on("error", () => {}); // Said by the missing process number already; the pipes may not exist.
      return ended.notRunForNow;
    }
    const deadline = setTimeout(() => child.kill("SIGKILL"), maxRunMs);
    const [code, isRead, output] = await Promise.all([whenEnded(child), feed(child, job), gather(child.stdout)]);
    clearTimeout(deadline);
    if (!isRead) return say.unableToRead;
    if (code === null) return ended.crashed;
    if (code === temporaryExit) return ended.notRunForNow;
    if (code !== 0) return ended.notRun;
    return output === "" ? ended.silent : combine(parseReport(output));
  };
}
