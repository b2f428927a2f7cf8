import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { Socket } from "node:net";
import { constants } from "node:os";
import { type Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";

/** What a real child is started with. */
export type SpawnCall = {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly signal: AbortSignal;
  /** Further descriptors for it to read from, 3 and up. */
  readonly inputs?: ReadonlyMap<number, Readable>;
  /** Told the child's number, as soon as it has one. */
  readonly onSpawn?: (pid: number) => void;
  /** Descriptors of this process that it gets, too, behind all others. */
  readonly held?: readonly number[];
  /** What it is told as its own name, if that is not the path. */
  readonly name?: string;
  /** Signals to this process that are passed on, beside the one that `signal` stands for. */
  readonly relay?: readonly NodeJS.Signals[];
};

/** qmail's codes for a program that could not be started: for good (no such file), or for now. */
const notThere = 100;
const notNow = 111;

/** The descriptor behind a stream when a child may simply have it: one of this process's own three, or a socket nobody reads. */
function inputFd(stream: Readable): number | Socket | "pipe" {
  if (stream.readableDidRead || stream.readableLength > 0) return "pipe";
  if (stream === process.stdin) return 0;
  return idleSocket(stream) ?? "pipe";
}

function idleSocket(stream: Readable): Socket | null {
  // What comes out of a TLS connection is not what its descriptor has.
  if (!(stream instanceof Socket) || "encrypted" in stream) return null;
  const handle = (stream as unknown as { _handle?: { fd?: number; reading?: boolean } })._handle;
  return handle?.fd !== undefined && handle.fd >= 0 && handle.reading !== true ? stream : null;
}

function outputFd(stream: Writable): number | Socket | "pipe" {
  if (stream.writableLength > 0) return "pipe";
  if (stream === process.stdout) return 1;
  if (stream === process.stderr) return 2;
  const handle = (stream as unknown as { _handle?: { fd?: number } })._handle;
  return stream instanceof Socket && !("encrypted" in stream) && handle?.fd !== undefined && handle.fd >= 0
    ? stream
    : "pipe";
}

function exitCodeOf(code: number | null, signal: NodeJS.Signals | null): number {
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}

/** A pipe for each further descriptor that is asked for. */
function furtherFds(inputs: SpawnCall["inputs"] = new Map()): readonly ("pipe" | "ignore")[] {
  const last = Math.max(2, ...inputs.keys());
  return Array.from({ length: last - 2 }, (_, index) => (inputs.has(index + 3) ? "pipe" : "ignore"));
}

/** Carries the streams a child could not inherit; resolves when its output has been passed on. */
async function carry(child: ChildProcess, call: SpawnCall): Promise<void> {
  // A child that ends without reading its input is its own business, as is a reader that has gone.
  if (child.stdin) pipeline(call.stdin, child.stdin).catch(() => {});
  for (const [fd, input] of call.inputs ?? []) {
    const to = child.stdio[fd];
    if (!(to instanceof Writable)) continue;
    to.on("error", () => {}); // Behind the pipeline, too: a child that ends without having read resets the pair.
    pipeline(input, to).catch(() => {});
  }
  const outputs = [
    [child.stdout, call.stdout],
    [child.stderr, call.stderr],
  ] as const;
  await Promise.all(
    outputs.map(async ([from, to]) => {
      if (from) await pipeline(from, to, { end: false }).catch(() => from.resume());
    }),
  );
}

/** The folder to start a child in; nothing if it is this process's: the user it has become may be unable to go there once more. */
function elsewhere(cwd: string): { readonly cwd?: string } {
  try {
    return cwd === process.cwd() ? {} : { cwd };
  } catch {
    return { cwd }; // Our own folder is gone.
  }
}

/**
 * Starts a program as a child and waits for it. Streams that are descriptors are inherited, others are piped. Aborting the
 * signal sends SIGTERM. Resolves with the exit code (128 + N if signal N killed it); 100 no such program, 111 not now.
 */
export function spawnProgram(words: readonly [string, ...string[]], call: SpawnCall): Promise<number> {
  const options: SpawnOptions = {
    ...elsewhere(call.cwd),
    env: call.env,
    stdio: [
      inputFd(call.stdin),
      outputFd(call.stdout),
      outputFd(call.stderr),
      ...furtherFds(call.inputs),
      ...(call.held ?? []),
    ],
    ...(call.name === undefined ? {} : { argv0: call.name }),
  };
  return new Promise((resolve) => {
    // Heard from before the child is there: others may know of it before spawn comes back. (Passed on only after that.)
    const relay = (signal: NodeJS.Signals): void => {
      child.kill(signal);
    };
    for (const signal of call.relay ?? []) process.on(signal, relay);
    const child = spawn(words[0], words.slice(1), options);
    if (child.pid !== undefined) call.onSpawn?.(child.pid);
    const stop = (): void => {
      child.kill("SIGTERM");
    };
    const settle = (code: number): void => {
      call.signal.removeEventListener("abort", stop);
      for (const signal of call.relay ?? []) process.off(signal, relay);
      resolve(code);
    };
    if (call.signal.aborted) stop();
    else call.signal.addEventListener("abort", stop, { once: true });
    child.once("error", (error: NodeJS.ErrnoException) => {
      settle(error.code === "ENOENT" && existsSync(call.cwd) ? notThere : notNow);
    });
    const carried = carry(child, call);
    child.once("exit", (code, signal) => {
      void carried.then(() => settle(exitCodeOf(code, signal)));
    });
  });
}
