import { type ChildProcess, spawn } from "node:child_process";
import { Socket } from "node:net";
import { type ByteString, displayText, utf8ToByteString } from "#bytes";
import { errorCode, errorText } from "#files";
import { type Outcome, temporary } from "#mail";
import { limitScript, type ProgramLimits } from "./program-limits.ts";

/** A command line for /bin/sh. */
export type ShellCommand = {
  readonly command: ByteString;
  /** Absolute. */
  readonly cwd: ByteString;
  readonly env: NodeJS.ProcessEnv;
  /** Descriptor of the message, at its beginning. */
  readonly stdin: number;
  readonly limitMs: number;
  readonly limits: ProgramLimits;
  /** Gets stdout and stderr as they come, also after the end if a child of the child goes on writing. */
  readonly output: (bytes: Buffer) => void;
};

/** How a program ended: with an exit code, by a signal, stopped because it took too long, or it could not be started. */
export type ProgramEnd =
  | { readonly kind: "exited"; readonly code: number }
  | { readonly kind: "killed" }
  | { readonly kind: "stopped" }
  | { readonly kind: "not-started"; readonly outcome: Outcome };

/** What a stopped program gets to clean up before it is killed, in milliseconds. */
const graceMs = 5_000;
/** After the end, how long output still in the pipe is waited for; a background child may hold the pipe open for ever. */
const lastOutputMs = 500;

/**
 * The command as an argument for the shell. Arguments of a spawn are UTF-8; a line that is not (an old .qmail in Latin-1) is
 * given in octal and comes together again inside the shell.
 */
function shellScript(command: ByteString): string {
  const text = displayText(command);
  if (utf8ToByteString(text) === command) return text;
  const octal = Array.from(command, (octet) => `\\0${octet.charCodeAt(0).toString(8)}`).join("");
  return `eval "$(printf '%b' '${octal}')"`;
}

/** One stream for both, so that lines come in the order they were written. A real pipe for each end is all that Node gives. */
const mergeOutput = "exec 2>&1;";

/** Runs a command line by /bin/sh in a process group of its own, which is killed when the time is over. Never throws. */
export function runShellCommand(call: ShellCommand): Promise<ProgramEnd> {
  let child: ChildProcess;
  try {
    child = spawn("/bin/sh", ["-c", `${mergeOutput}${limitScript(call.limits)}${shellScript(call.command)}`], {
      cwd: displayText(call.cwd),
      env: call.env,
      stdio: [call.stdin, "pipe", "pipe"],
      detached: true,
    });
  } catch (error) {
    return Promise.resolve(notStarted(error));
  }
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on("data", call.output);
    stream.on("error", () => {}); // What was read until then is what there is.
  }
  return new Promise((resolve) => {
    const stop = stopAfter(child, call.limitMs);
    child.once("error", (error) => {
      stop.cancel();
      resolve(notStarted(error));
    });
    child.once("exit", (code) => {
      stop.cancel();
      if (call.limits.killStrays) signalGroup(child, "SIGKILL");
      void lastOutput(child).then(() => {
        resolve(
          stop.hasStopped() ? { kind: "stopped" } : code === null ? { kind: "killed" } : { kind: "exited", code },
        );
      });
    });
  });
}

function notStarted(error: unknown): ProgramEnd {
  const what = ["EAGAIN", "ENOMEM"].includes(errorCode(error)) ? "fork" : "run /bin/sh";
  return { kind: "not-started", outcome: temporary(`Unable to ${what}: ${errorText(error)}. (#4.3.0)\n`) };
}

function stopAfter(child: ChildProcess, limitMs: number) {
  let stopped = false;
  let killer: NodeJS.Timeout | undefined;
  const timer = setTimeout(
    () => {
      stopped = true;
      signalGroup(child, "SIGTERM");
      killer = setTimeout(() => signalGroup(child, "SIGKILL"), graceMs);
    },
    Math.min(limitMs, maxTimerMs),
  );
  return {
    hasStopped: () => stopped,
    cancel(): void {
      clearTimeout(timer);
      clearTimeout(killer);
      // The shell is gone; what it left behind in its group goes with it, once the time is over.
      if (stopped) signalGroup(child, "SIGKILL");
    },
  };
}

/** The longest a Node timer runs (24.8 days). */
const maxTimerMs = 2 ** 31 - 1;

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The group is empty.
  }
}

/** Resolves when all output is read, or soon. A pipe that stays open goes on being emptied, but keeps no process alive. */
function lastOutput(child: ChildProcess): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(() => {
      for (const stream of [child.stdout, child.stderr]) if (stream instanceof Socket) stream.unref();
      done();
    }, lastOutputMs);
    child.once("close", () => {
      clearTimeout(timer);
      done();
    });
  });
}
