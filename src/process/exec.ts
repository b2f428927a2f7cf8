import { callProgram } from "./call-program.ts";
import { findOwn } from "./find-own.ts";
import type { Exec, ProgramCall, ProgramIndex } from "./program.ts";
import { spawnProgram } from "./spawn-program.ts";

/** What an `Exec` hands on from the program that calls it. Fields may be getters: a stream nobody asks for is never opened. */
export type ExecBase = Pick<ProgramCall, "env" | "cwd" | "stdin" | "stdout" | "stderr" | "signal" | "input">;

/** Makes the `exec` of a program that runs on `base`: our own programs are called, others are spawned. */
export function makeExec(index: ProgramIndex, base: ExecBase): Exec {
  return (words, change = {}) => {
    const own = findOwn(index, words);
    const changed: ExecBase = {
      env: change.env ?? base.env,
      cwd: base.cwd,
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
      input: (fd) => (fd === 0 && change.stdin !== undefined ? change.stdin : base.input(fd)),
    };
    if (own === null) return spawnProgram(words, changed);
    return callProgram(own.load, programCall(index, own.name, own.args, changed));
  };
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
    exec: makeExec(index, base),
  };
}
