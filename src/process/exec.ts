import { callProgram } from "./call-program.ts";
import { findOwn, multiCallPath, type OwnProgram } from "./find-own.ts";
import type { Exec, ExecChange, ProgramCall, ProgramIndex } from "./program.ts";
import type { Successor } from "./replace-process.ts";
import { type SpawnCall, spawnProgram } from "./spawn-program.ts";

/** What an `Exec` hands on from the program that calls it. Fields may be getters: a stream nobody asks for is never opened. */
export type ExecBase = Pick<ProgramCall, "env" | "cwd" | "stdin" | "stdout" | "stderr" | "signal" | "input"> & {
  /** Left out: null. */
  readonly become?: ProgramCall["become"];
  /** Left out: this process's own number. */
  readonly pid?: number;
  /** Left out: nothing but stdout and stderr can be written to. */
  readonly output?: ProgramCall["output"];
  /** What is made of the words of a program that is not ours before it is started. */
  readonly limited?: (words: readonly [string, ...string[]]) => readonly [string, ...string[]];
  /** How a process of its own becomes another program; see `replaceProcess`. Left out where the process or its streams are others'. */
  readonly replace?: (next: Successor) => Promise<string | null>;
};

/** The program of ours to call inside this process; null if the words take a process of their own. */
function callable(index: ProgramIndex, words: readonly [string, ...string[]], base: ExecBase): OwnProgram | null {
  const own = findOwn(index, words);
  // `become` is null inside another program's process, which must stay what it is.
  return own?.load.needsProcess === true && (base.become ?? null) === null ? null : own;
}

/** Makes the `exec` of a program that runs on `base`: our own programs are called, others are spawned. */
export function makeExec(index: ProgramIndex, base: ExecBase): Exec {
  return async (words, change = {}) => {
    const own = change.placed === undefined ? callable(index, words, base) : null;
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
      pid: change.pid ?? base.pid ?? process.pid,
      output: base.output ?? noOutput,
      ...(base.limited === undefined ? {} : { limited: base.limited }),
      ...(base.replace === undefined || changesStreams(change) ? {} : { replace: base.replace }),
    };
    const command = own === null ? commandOf(index, words) : words;
    if (change.lastOf !== undefined && (own === null || change.limits !== undefined)) {
      const { goOn } = await import("./last-program.ts");
      const code = await goOn({
        command,
        words,
        own,
        path: base.env.PATH,
        change,
        base: changed,
        owner: change.lastOf,
      });
      if (code !== null) return code;
    }
    if (own === null) {
      const inputs = change.inputs ?? new Map();
      const onSpawn = change.onSpawn === undefined ? {} : { onSpawn: change.onSpawn };
      const isOthers = base.limited !== undefined && findOwn(index, words) === null;
      return spawnProgram(isOthers ? base.limited(command) : command, { ...spawnCall(changed), inputs, ...onSpawn });
    }
    return callProgram(own.load, programCall(index, change.name ?? own.name, own.args, changed));
  };
}

/** The words that start a process for `words`: one of ours by the multi-call executable, whatever PATH says. */
function commandOf(index: ProgramIndex, words: readonly [string, ...string[]]): readonly [string, ...string[]] {
  const own = findOwn(index, words);
  return own === null ? words : [multiCallPath, own.name, ...own.args];
}

const noOutput = (): null => null;

/** True if the next program does not have this process's own descriptors. */
function changesStreams({ stdin, stdout, inputs }: ExecChange): boolean {
  return stdin !== undefined || stdout !== undefined || inputs !== undefined;
}

/** The part of a base that a real child is started with: its streams are opened now. */
export function spawnCall({
  env,
  cwd,
  stdin,
  stdout,
  stderr,
  signal,
}: ExecBase): Omit<SpawnCall, "inputs" | "onSpawn"> {
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
    output: base.output ?? noOutput,
    become: base.become ?? null,
    exec: makeExec(index, base),
    isOwn: (words) => callable(index, words, base) !== null,
    pid: base.pid ?? process.pid,
  };
}
