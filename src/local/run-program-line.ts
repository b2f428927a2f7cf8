import { Readable } from "node:stream";
import { type ByteString, displayText } from "#bytes";
import { errorText } from "#files";
import { type MessageSource, type Outcome, permanent, temporary } from "#mail";
import { messagePieces, UnreadableMessage } from "#mailbox";
import { type ProgramIndex, parsePlainCommand, runInProcess } from "#process";
import { openMessageFile } from "./message-file.ts";
import { limitedWords, type ProgramLimits } from "./program-limits.ts";
import { type ProgramEnd, runShellCommand } from "./shell-command.ts";

/** A program line of a .qmail file, about to run. */
export type ProgramLine = {
  /** What follows the `|`. */
  readonly command: ByteString;
  /** The home, where it runs. */
  readonly cwd: ByteString;
  readonly env: NodeJS.ProcessEnv;
  readonly message: MessageSource;
  readonly programs: ProgramIndex;
  readonly limitMs: number;
  readonly limits: ProgramLimits;
  readonly output: (bytes: Buffer) => void;
};

/** What follows: go on, go on without the remaining lines (exit 99), or the delivery fails. */
export type LineEnd = "go-on" | "enough" | Outcome;

const hardCodes: ReadonlySet<number> = new Set([100, 64, 65, 70, 76, 77, 78, 112]);
const enoughCode = 99;
const crashed = temporary("Aack, child crashed. (#4.3.0)\n");

/** Runs a program line; what the program said is the report, so outcomes of its own exit codes have no text (spec 6.4). */
export async function runProgramLine(line: ProgramLine): Promise<LineEnd> {
  const end = (await runOwn(line)) ?? (await runShell(line));
  switch (end.kind) {
    case "exited":
      return meaningOf(end.code);
    case "killed":
      return crashed;
    case "stopped":
      return temporary(
        `Program took longer than ${Math.round(line.limitMs / 1000)} seconds and was stopped. (#4.3.0)\n`,
      );
    case "not-started":
      return end.outcome;
  }
}

function meaningOf(code: number): LineEnd {
  if (code === 0) return "go-on";
  if (code === enoughCode) return "enough";
  return hardCodes.has(code) ? permanent("") : temporary("");
}

/** A program of ours, called by a line that needs no shell, runs in this process; null for any other. */
async function runOwn(line: ProgramLine): Promise<ProgramEnd | null> {
  const words = parsePlainCommand(displayText(line.command), line.env);
  if (words === null) return null;
  const time = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((done) => {
    timer = setTimeout(() => {
      time.abort();
      done("late");
    }, line.limitMs);
  });
  const stdin = Readable.from(messagePieces(line.message), { objectMode: false });
  stdin.on("error", () => {}); // A program that does not read to the end never hears of it; one that does fails.
  const limited = (others: readonly [string, ...string[]]) => limitedWords(line.limits, others);
  const call = { env: line.env, cwd: displayText(line.cwd), stdin, signal: time.signal, limited };
  try {
    const result = await Promise.race([runInProcess(line.programs, words, call), late]);
    if (result === "late") return { kind: "stopped" };
    if (result === null) return null;
    line.output(result.output);
    return { kind: "exited", code: result.code };
  } finally {
    clearTimeout(timer);
    stdin.destroy();
  }
}

async function runShell(line: ProgramLine): Promise<ProgramEnd> {
  try {
    await using file = await openMessageFile(line.message);
    return await runShellCommand({ ...line, stdin: file.fd });
  } catch (error) {
    const outcome =
      error instanceof UnreadableMessage
        ? temporary("Unable to read message. (#4.3.0)\n")
        : temporary(`Unable to write a temporary file: ${errorText(error)}. (#4.3.0)\n`);
    return { kind: "not-started", outcome };
  }
}
