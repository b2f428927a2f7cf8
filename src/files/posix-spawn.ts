import { createRequire } from "node:module";

type Calls = {
  readonly spawnp: (
    pid: Buffer,
    file: string,
    actions: Buffer,
    attributes: Buffer,
    argv: Strings,
    envp: Strings,
  ) => number;
  readonly init: (actions: Buffer) => number;
  readonly dup2: (actions: Buffer, from: number, to: number) => number;
  readonly destroy: (actions: Buffer) => number;
  readonly waitpid: (pid: number, status: Buffer, options: number) => number;
  readonly attributes: Buffer;
  readonly nameOf: (errno: number) => string;
};
type Strings = readonly (string | null)[];

/** glibc's posix_spawn_file_actions_t has 80 bytes, posix_spawnattr_t 336, sigset_t 128 (64 bit); here is room to spare. */
const structBytes = 1024;
const setSignalMask = 8; // POSIX_SPAWN_SETSIGMASK
const setDefaultSignals = 4; // POSIX_SPAWN_SETSIGDEF
const withoutWaiting = 1; // WNOHANG

let calls: Calls | null | undefined;

function libc(): Calls | null {
  if (calls !== undefined) return calls;
  try {
    calls = process.platform === "linux" && ["x64", "arm64"].includes(process.arch) ? load() : null;
  } catch {
    calls = null; // Node's own way to start a child costs more, and does the same.
  }
  return calls;
}

function load(): Calls {
  const koffi = createRequire(import.meta.url)("koffi") as typeof import("koffi");
  const lib = koffi.load("libc.so.6");
  const names = new Map(Object.entries(koffi.os.errno).map(([name, number]) => [number, name]));
  const attributes = Buffer.alloc(structBytes);
  const [none, all] = [Buffer.alloc(structBytes), Buffer.alloc(structBytes)];
  // Every signal as a program expects it: none blocked, none ignored (Node ignores SIGPIPE).
  lib.func("int sigemptyset(void *)")(none);
  lib.func("int sigfillset(void *)")(all);
  lib.func("int posix_spawnattr_init(void *)")(attributes);
  lib.func("int posix_spawnattr_setsigmask(void *, void *)")(attributes, none);
  lib.func("int posix_spawnattr_setsigdefault(void *, void *)")(attributes, all);
  lib.func("int posix_spawnattr_setflags(void *, short)")(attributes, setSignalMask | setDefaultSignals);
  return {
    spawnp: lib.func("int posix_spawnp(_Out_ void *, const char *, void *, void *, const char **, const char **)"),
    init: lib.func("int posix_spawn_file_actions_init(_Inout_ void *)"),
    dup2: lib.func("int posix_spawn_file_actions_adddup2(_Inout_ void *, int, int)"),
    destroy: lib.func("int posix_spawn_file_actions_destroy(_Inout_ void *)"),
    waitpid: lib.func("int waitpid(int, _Out_ void *, int)"),
    attributes,
    nameOf: (errno) => names.get(errno) ?? `error ${errno}`,
  };
}

/** True if `posixSpawn` is to be had. */
export function hasPosixSpawn(): boolean {
  return libc() !== null;
}

/**
 * Starts a program by posix_spawnp(3), which does not copy this process's page tables: `fd` is its descriptors 0 and 1, 2 is ours, others
 * it has none. It is looked for in this process's PATH. Its number, or the code of what is wrong (`ENOENT`). Whoever starts it must ask
 * `exitStatus` until it has one.
 */
export function posixSpawn(words: readonly [string, ...string[]], env: NodeJS.ProcessEnv, fd: number): number | string {
  const c = libc();
  if (c === null) return "ENOSYS";
  const variables = Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
  const [actions, pid] = [Buffer.alloc(structBytes), Buffer.alloc(4)];
  c.init(actions);
  c.dup2(actions, fd, 0);
  c.dup2(actions, fd, 1);
  const error = c.spawnp(pid, words[0], actions, c.attributes, [...words, null], [...variables, null]);
  c.destroy(actions);
  return error === 0 ? pid.readInt32LE(0) : c.nameOf(error);
}

/** The raw wait status of a child that `posixSpawn` started and that has ended; null while it runs. Ask once more never. */
export function exitStatus(pid: number): number | null {
  const status = Buffer.alloc(4);
  return libc()?.waitpid(pid, status, withoutWaiting) === pid ? status.readInt32LE(0) : null;
}
