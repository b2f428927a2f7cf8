import { errorText } from "#files";
import { type ExecBase, spawnCall } from "./exec.ts";
import { findExecutable } from "./find-executable.ts";
import type { OwnProgram } from "./find-own.ts";
import { type Limits, limitThisProcess, prlimitOptions, tooTightForNode } from "./limits.ts";
import type { ExecChange } from "./program.ts";
import { spawnProgram } from "./spawn-program.ts";

/** Signals that a chain loader whose program is a child passes on to it; TERM and INT go through the call's own signal. */
const relayed: readonly NodeJS.Signals[] = ["SIGHUP", "SIGALRM", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGCONT"];
const notNow = 111;

/** The end of a chain loader: the words of the next program, and what is other for it. */
export type Last = {
  /** As they were given, for complaints. */
  readonly words: readonly [string, ...string[]];
  /** What starts a process for them. */
  readonly command: readonly [string, ...string[]];
  /** The program of ours that this process may call; null for any other. */
  readonly own: OwnProgram | null;
  /** The $PATH that the loader itself was started with: what it changes counts for those behind it. */
  readonly path: string | undefined;
  readonly change: ExecChange;
  readonly base: ExecBase;
  /** The loader's name, for its complaints. */
  readonly owner: string;
};

/** Goes on to the last program. Its exit code; null when it is ours and this process, changed as it must be, may call it. */
export async function goOn(last: Last): Promise<number | null> {
  const { words, command, own, path, change, base, owner } = last;
  const limits: Limits = change.limits ?? new Map();
  const fail = (text: string, code: string): number => {
    base.stderr.write(`${owner}: fatal: ${text}: ${errorText({ code })}\n`);
    return notNow;
  };
  if (own !== null) {
    const code = await limitThisProcess(bearable(limits, last));
    return code === null ? null : fail("unable to set limits", code);
  }
  const named = change.name === undefined ? {} : { name: change.name };
  const placed = change.placed === undefined ? {} : { placed: change.placed };
  const next = { words: command, ...named, ...placed, env: base.env, cwd: base.cwd, path, limits };
  const code = base.replace === undefined ? null : await base.replace(next);
  if (code !== null) return fail(`unable to run ${words[0]}`, code);
  const found = findExecutable(command[0], path, base.cwd);
  if ("code" in found) return fail(`unable to run ${words[0]}`, found.code);
  return child(last, found.path, limits);
}

/** The limits that Node can live with; what is left out is told. */
function bearable(limits: Limits, { words, base, owner }: Last): Limits {
  const tight = tooTightForNode(limits);
  if (tight.length > 0) {
    const which = `limit on ${tight.join(", ")} left out`;
    base.stderr.write(`${owner}: warning: ${words[0]} runs in Node, which needs more: ${which}\n`);
  }
  return new Map([...limits].filter(([resource]) => !tight.includes(resource)));
}

/** As a child: its end is ours. Limits are set by prlimit(1), which then becomes the program. */
function child({ command, change, base }: Last, file: string, limits: Limits): Promise<number> {
  const call = {
    ...spawnCall(base),
    inputs: change.inputs ?? new Map(),
    held: change.held ?? [],
    relay: base.replace === undefined ? [] : relayed,
    ...(change.onSpawn === undefined ? {} : { onSpawn: change.onSpawn }),
  };
  const [word, ...args] = command;
  const name = change.name ?? word;
  if (limits.size === 0) return spawnProgram([file, ...args], { ...call, name });
  return spawnProgram(["prlimit", ...prlimitOptions(limits), "--", file, ...args], call);
}
