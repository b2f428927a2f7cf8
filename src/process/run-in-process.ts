import { Readable, Writable } from "node:stream";
import { callProgram } from "./call-program.ts";
import { type ExecBase, programCall } from "./exec.ts";
import { findOwn } from "./find-own.ts";
import type { ProgramIndex } from "./program.ts";

/** What a program run inside this process is given. */
export type InProcessCall = {
  readonly env: NodeJS.ProcessEnv;
  /** Absolute. */
  readonly cwd: string;
  /** Nothing to read if left out. */
  readonly stdin?: Readable;
  /** Further descriptors it may read from (`input`). */
  readonly inputs?: ReadonlyMap<number, Readable>;
  /** Output beyond this many bytes is dropped; 64 KiB if left out. */
  readonly maxOutputBytes?: number;
  readonly signal?: AbortSignal;
};

/** How it ended. `output` is stdout and stderr as they came, bounded. */
export type InProcessResult = { readonly code: number; readonly output: Buffer; readonly stdout: Buffer };

const maxOutputBytesDefault = 64 * 1024;

function collector(maxBytes: number, alsoTo: (bytes: Buffer) => void = () => {}) {
  const parts: Buffer[] = [];
  let room = maxBytes;
  const add = (bytes: Buffer): void => {
    if (room > 0) parts.push(Buffer.from(bytes.subarray(0, room)));
    room -= bytes.length;
  };
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      add(chunk);
      alsoTo(chunk);
      done();
    },
  });
  return { stream, add, bytes: (): Buffer => Buffer.concat(parts) };
}

/**
 * Runs one of our programs inside this process; null if `words` is not one of ours (then it takes a shell or a spawn).
 * Never throws: what the program throws is a line in `output` and exit code 111, as in a process of its own.
 */
export async function runInProcess(
  index: ProgramIndex,
  words: readonly [string, ...string[]],
  call: InProcessCall,
): Promise<InProcessResult | null> {
  const own = findOwn(index, words);
  if (own === null) return null;
  const maxBytes = call.maxOutputBytes ?? maxOutputBytesDefault;
  const both = collector(maxBytes);
  const stdout = collector(maxBytes, both.add);
  const stdin = call.stdin ?? Readable.from([]);
  const base: ExecBase = {
    env: call.env,
    cwd: call.cwd,
    stdin,
    stdout: stdout.stream,
    stderr: both.stream,
    signal: call.signal ?? new AbortController().signal,
    input: (fd) => (fd === 0 ? stdin : (call.inputs?.get(fd) ?? null)),
  };
  const code = await callProgram(own.load, programCall(index, own.name, own.args, base));
  return { code, output: both.bytes(), stdout: stdout.bytes() };
}
