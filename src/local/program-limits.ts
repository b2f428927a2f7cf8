import { readSetting } from "#control";

/** What a user's program may take, each process of it; 0: as much as there is. Time by the clock is `programtimeout`'s business. */
export type ProgramLimits = {
  /** Address space (RLIMIT_AS): control/programmemory. */
  readonly memoryBytes: number;
  /** The largest file it may write (RLIMIT_FSIZE): control/programoutput. */
  readonly fileBytes: number;
  /** Processor time (RLIMIT_CPU): control/programcpu. */
  readonly cpuSeconds: number;
  /** Processes and threads of its user, the delivery worker's own among them (RLIMIT_NPROC): control/programprocesses. */
  readonly processes: number;
  /** What it has left running in its process group when it ends is killed: control/programstrays. */
  readonly killStrays: boolean;
};

/** qmail's: none. */
export const noLimits: ProgramLimits = {
  memoryBytes: 0,
  fileBytes: 0,
  cpuSeconds: 0,
  processes: 0,
  killStrays: false,
};

/** Sets one limit; a lower one that is in force already is as good. A shell that cannot do it runs nothing: exit 111, for now. */
const set = (letter: string, value: number): string =>
  `{ ulimit -${letter} ${value} || [ "$(ulimit -${letter})" -le ${value} ]; } 2>/dev/null || exit 111;`;

/** Number of processes: `-p` in dash and BusyBox, `-u` in bash and ksh, where `-p` is something else. */
const setProcesses = (value: number): string =>
  `if (ulimit -u) >/dev/null 2>&1; then ${set("u", value)} else ${set("p", value)} fi;`;

/**
 * Commands for /bin/sh that put the limits in force, hard, for the shell and all it starts; empty when there are none. Units are the
 * shell's: KiB, and blocks of 512 octets (POSIX).
 */
export function limitScript({ memoryBytes, fileBytes, cpuSeconds, processes }: ProgramLimits): string {
  return [
    memoryBytes > 0 ? set("v", Math.ceil(memoryBytes / 1024)) : "",
    fileBytes > 0 ? set("f", Math.ceil(fileBytes / 512)) : "",
    cpuSeconds > 0 ? set("t", cpuSeconds) : "",
    processes > 0 ? setProcesses(processes) : "",
  ].join("");
}

/** The words that run a program under the limits; the same words when there are none. */
export function limitedWords(
  limits: ProgramLimits,
  words: readonly [string, ...string[]],
): readonly [string, ...string[]] {
  const script = limitScript(limits);
  return script === "" ? words : ["/bin/sh", "-c", `${script} exec "$@"`, "sh", ...words];
}

/** What the control files say now. Throws ControlError if one cannot be read: the program then waits. */
export function readProgramLimits(home: string): ProgramLimits {
  return {
    memoryBytes: readSetting(home, "programmemory"),
    fileBytes: readSetting(home, "programoutput"),
    cpuSeconds: readSetting(home, "programcpu"),
    processes: readSetting(home, "programprocesses"),
    killStrays: !readSetting(home, "programstrays"),
  };
}
