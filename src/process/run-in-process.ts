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
  /** Further descriptors it may write to (`output`). */
  readonly outputs?: ReadonlyMap<number, Writable>;
  /** Output beyond this many bytes is dropped; 64 KiB if left out. */
  readonly maxOutputBytes?: number;
  readonly signal?: AbortSignal;
  /** What is made of the words of a program that is not ours before it is started (limits put in front). */
  readonly limited?: (words: readonly [string, ...string[]]) => readonly [string, ...string[]];
};

/** How it ended. `output` is stdout and stderr as they came, bounded. */
export type InProcessResult = {
  readonly code: number;
  readonly output: Buffer;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
};

const maxOutputBytesDefault = 64 * 1024;

/** Gathers what is written to two streams, in the order it came, up to `maxBytes` in all. */
function gather(maxBytes: number) {
  const pieces: { readonly from: "stdout" | "stderr"; readonly bytes: Buffer }[] = [];
  let room = maxBytes;
  const stream = (from: "stdout" | "stderr"): Writable =>
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        if (room > 0) pieces.push({ from, bytes: chunk.subarray(0, room) });
        room -= chunk.length;
        done();
      },
    });
  const bytesFrom = (from: "stdout" | "stderr"): Buffer =>
    Buffer.concat(pieces.filter((piece) => piece.from === from).map((piece) => piece.bytes));
  return { stream, bytesFrom, bytes: (): Buffer => Buffer.concat(pieces.map((piece) => piece.bytes)) };
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
  const said = gather(call.maxOutputBytes ?? maxOutputBytesDefault);
  const stdin = call.stdin ?? Readable.from([]);
  const base: ExecBase = {
    env: call.env,
    cwd: call.cwd,
    stdin,
    stdout: said.stream("stdout"),
    stderr: said.stream("stderr"),
    signal: call.signal ?? new AbortController().signal,
    input: (fd) => (fd === 0 ? stdin : (call.inputs?.get(fd) ?? null)),
    output: (fd) => call.outputs?.get(fd) ?? null,
    ...(call.limited === undefined ? {} : { limited: call.limited }),
  };
  const code = await callProgram(own.load, programCall(index, own.name, own.args, base));
  return { code, output: said.bytes(), stdout: said.bytesFrom("stdout"), stderr: said.bytesFrom("stderr") };
}
