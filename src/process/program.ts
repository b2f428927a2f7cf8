import type { Readable, Writable } from "node:stream";
import type { Limits } from "./limits.ts";

/**
 * Replaces "execute the next program" of a classic chain. `words[0]` is the program's name or path. A program of ours
 * that needs nothing of the process changed is called on the same streams; anything else is spawned. Resolves with its
 * exit code (128 + signal number if it was killed); 111 when it cannot be started for now, 100 when it does not exist.
 */
export type Exec = (words: readonly [string, ...string[]], change?: ExecChange) => Promise<number>;

/** What is other for the next program of a chain; what is left out stays. */
export type ExecChange = {
  readonly env?: NodeJS.ProcessEnv;
  readonly stdin?: Readable;
  readonly stdout?: Writable;
  /** Absolute. */
  readonly cwd?: string;
  /** Further descriptors it may read from (3: checkpassword's credentials). */
  readonly inputs?: ReadonlyMap<number, Readable>;
  /** The number it is known by, when it runs inside this process: a server gives each connection one. */
  readonly pid?: number;
  /** Told the process number of a real child, as soon as it has one. */
  readonly onSpawn?: (pid: number) => void;
  /**
   * Said by a program that ends with the next one (a chain loader): its own name. A process of its own then becomes the next program
   * (execve(2): the same process number and descriptors), if that is none of ours; where this cannot be done it is a child whose
   * end is waited for. A program that cannot be run is a line `NAME: fatal: unable to run ...` and 111.
   */
  readonly lastOf?: string;
  /** What the next program is told as its own name (argv[0]). A process gets it only with `lastOf`. */
  readonly name?: string;
  /**
   * Descriptors of this process (values) under the numbers (keys) that the next program knows them by. Even one of ours is a new
   * process then. Needs `lastOf`, a process of its own, and `hasSyscalls` of #files.
   */
  readonly placed?: ReadonlyMap<number, number>;
  /** Limits on resources for the next program. Needs `lastOf`. */
  readonly limits?: Limits;
  /** Descriptors of ours that a child must have, too (a lock). A process that becomes the next program keeps them anyway. */
  readonly held?: readonly number[];
};

/** The user a process becomes: ids, and the groups (of an account by its name; else the one gid). */
export type NewUser = { readonly uid: number; readonly gid: number; readonly account: string | null };

/** What a program is given instead of a process of its own. It reads no global: not process.env, not process.cwd(). */
export type ProgramCall = {
  /** The name it was called by (a link's name may matter: sendmail, mailq, newaliases). */
  readonly name: string;
  /** Arguments after the name, as typed (text; turn into bytes with `utf8ToByteString`). */
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Absolute working directory. */
  readonly cwd: string;
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly exec: Exec;
  /** True if `exec` would call these words inside this process; false if it would start a process for them. */
  readonly isOwn: (words: readonly [string, ...string[]]) => boolean;
  /** What getpid() is to a classic program: this process's number, or one that stands for it inside another's process. */
  readonly pid: number;
  /** Aborted when the caller wants the program to end (SIGTERM, SIGINT, time limit). */
  readonly signal: AbortSignal;
  /** Another descriptor to read from: qmail-queue's envelope on 1, checkpassword's credentials on 3. Null if it is not open. */
  readonly input: (fd: number) => Readable | null;
  /** Another descriptor to write to: matchup's pending lines on 5. Null if it is not open. */
  readonly output: (fd: number) => Writable | null;
  /**
   * Makes this process another user for good, as checkpassword does before it goes on. Throws if it may not. Null when the
   * program runs inside a process that is not its own.
   */
  readonly become: ((user: NewUser) => void) | null;
};

/** A classic command as a function. Resolves with its exit code; throws only on bugs (the caller turns that into 111). */
export type Program = (call: ProgramCall) => Promise<number>;

/** Loads a program's module. One that changes the process it runs in (its user, its limits) never runs inside another's. */
export type LoadProgram = (() => Promise<Program>) & { readonly needsProcess?: boolean };

/** Finds a program of ours by the name an operator types; undefined if it is not ours. Loads its module on demand. */
export type ProgramIndex = (name: string) => LoadProgram | undefined;

/** Thrown for wrong arguments; the caller prints `message` and exits with `exitCode` (100 in most of qmail). */
export class UsageError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode = 100) {
    super(message);
    this.exitCode = exitCode;
  }
}
