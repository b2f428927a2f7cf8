import { type ChildProcess, type IOType, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { constants as osConstants } from "node:os";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";

/** How a script ended. */
export type ScriptEnd =
  | { readonly kind: "exit"; readonly code: number }
  | { readonly kind: "killed"; readonly signal: number }
  /** It was never there: its program cannot be run (`exec`), or there was no room for a process (`fork`). */
  | { readonly kind: "not-started"; readonly at: "exec" | "fork"; readonly error: unknown };

/** What a script is started with. */
export type ScriptCall = {
  /** `./run`, and its arguments. */
  readonly words: readonly [string, ...string[]];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Descriptors of ours for its 0, 1, 2, 3 ... */
  readonly fds: readonly (number | "ignore")[];
  /** It leads a session of its own, so that its process group can be signalled. */
  readonly session: boolean;
  /** A descriptor on which it says (with a line) that it is ready; null if it does not. */
  readonly readyFd: number | null;
};

/** A script at work, or on its way. `pid` is 0 if it could not be started; `ended` resolves all the same. */
export type Script = {
  readonly pid: number;
  /** Lets it begin. Until then its process stands still, and it ends without having done anything if this one does. */
  readonly go: () => void;
  readonly ended: Promise<ScriptEnd>;
  readonly ready: Promise<void>;
};

/**
 * What stands still before a script: a shell (which becomes the script, so the process number stays) waits for a line on this descriptor.
 * Without it a supervise that is killed between the start of a process and the note of its number would leave one that nobody knows of.
 */
const gate = (fd: number): string => `read -r go <&${fd} && exec "$0" "$@" ${fd}<&-`;
/** A shell knows descriptors of one digit. */
const lastGateFd = 9;

const signalNumbers = osConstants.signals;

/** Errors of spawn that are ours, not the program's: later there may be room. */
const noRoom: ReadonlySet<string | undefined> = new Set(["EAGAIN", "ENOMEM", "EMFILE", "ENFILE"]);

function notStarted(error: unknown): ScriptEnd {
  const { code } = error as NodeJS.ErrnoException;
  return { kind: "not-started", at: noRoom.has(code) ? "fork" : "exec", error };
}

/** The descriptors of the child, and which of them is the gate; null where there is no room for one. */
function stdioOf({ fds, readyFd }: ScriptCall): {
  readonly stdio: (IOType | number)[];
  readonly gateFd: number | null;
} {
  const stdio: (IOType | number)[] = [...fds];
  while (readyFd !== null && stdio.length < readyFd) stdio.push("ignore");
  if (readyFd !== null) stdio[readyFd] = "pipe";
  if (stdio.length > lastGateFd) return { stdio, gateFd: null };
  return { gateFd: stdio.push("pipe") - 1, stdio };
}

const never = new Promise<void>(() => {});

/** Starts a script of a service directory; `go` lets it begin. Never throws. */
export function startScript(call: ScriptCall): Script {
  const { stdio, gateFd } = stdioOf(call);
  const [file, ...args] = gateFd === null ? call.words : (["/bin/sh", "-c", gate(gateFd), ...call.words] as const);
  let child: ChildProcess;
  try {
    accessSync(join(call.cwd, call.words[0]), constants.X_OK);
    child = spawn(file, args, { cwd: call.cwd, env: call.env, stdio, detached: call.session });
  } catch (error) {
    return { pid: 0, go: () => {}, ended: Promise.resolve(notStarted(error)), ready: never };
  }
  const ended = new Promise<ScriptEnd>((done) => {
    child.once("error", (error) => done(notStarted(error)));
    child.once("exit", (code, signal) => {
      done(signal === null ? { kind: "exit", code: code ?? 0 } : { kind: "killed", signal: signalNumbers[signal] });
    });
  });
  const ready = call.readyFd === null ? never : firstLine(child.stdio[call.readyFd]);
  const gatePipe = gateFd === null ? null : child.stdio[gateFd];
  gatePipe?.on("error", () => {}); // Killed at the gate; its end is noted.
  return {
    pid: child.pid ?? 0,
    go: () => {
      if (gatePipe instanceof Writable) gatePipe.end("\n");
    },
    ended,
    ready,
  };
}

/** Resolves at the first LF; never if the stream ends before. */
function firstLine(stream: unknown): Promise<void> {
  return new Promise((said) => {
    if (!(stream instanceof Readable)) return;
    stream.on("error", () => {}); // The script's end says all there is to say.
    stream.on("data", (bytes: Buffer) => {
      if (!bytes.includes(0x0a)) return;
      said();
      stream.destroy();
    });
  });
}
