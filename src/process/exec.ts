import { callProgram } from "./call-program.ts";
import { findOwn } from "./find-own.ts";
import type { Exec, ProgramCall, ProgramIndex } from "./program.ts";
import { type SpawnCall, spawnProgram } from "./spawn-program.ts";

/** What an `Exec` hands on from the program that calls it. Fields may be getters: a stream nobody asks for is never opened. */
export type ExecBase = Pick<ProgramCall, "env" | "cwd" | "stdin" | "stdout" | "stderr" | "signal" | "input"> & {
  /** Left out: null. */
  readonly become?: ProgramCall["become"];
};

/** Makes the `exec` of a program that runs on `base`: our own programs are called, others are spawned. */
export function makeExec(index: ProgramIndex, base: ExecBase): Exec {
  return (words, change = {}) => {
    const own = findOwn(index, words);
    const changed: ExecBase = {
      env: change.env ?? base.env,
      cwd: change.cwd ?? base.cwd,
      get stdin() {
        return change.stdin ?? base.stdin;
      },
      get stdout() {
        return change.stdout ?? base.stdout;
      },
      get stderr() {
        return base.stderr;
      },
      get signal() {
        return base.signal;
      },
      input: (fd) => change.inputs?.get(fd) ?? (fd === 0 && change.stdin !== undefined ? change.stdin : base.input(fd)),
      become: base.become ?? null,
    };
    if (own === null) return spawnProgram(words, { ...spawnCall(changed), inputs: change.inputs ?? new Map() });
    return callProgram(own.load, programCall(index, own.name, own.args, changed));
  };
}

/** The part of a base that a real child is started with: its streams are opened now. */
function spawnCall({ env, cwd, stdin, stdout, stderr, signal }: ExecBase): Omit<SpawnCall, "inputs"> {
  return { env, cwd, stdin, stdout, stderr, signal };
}

/** A `ProgramCall` on `base`, its streams opened only when they are asked for. */
export function programCall(index: ProgramIndex, name: string, args: readonly string[], base: ExecBase): ProgramCall {
  return {
    name,
    args,
    env: base.env,
    cwd: base.cwd,
    get stdin() {
      return base.stdin;
    },
    get stdout() {
      return base.stdout;
    },
    get stderr() {
      return base.stderr;
    },
    get signal() {
      return base.signal;
    },
    input: base.input,
    become: base.become ?? null,
    exec: makeExec(index, base),
  };
}
