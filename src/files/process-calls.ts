import { createRequire } from "node:module";

/** A soft limit, and the hard one it may not pass; null is unlimited. */
export type ResourceLimit = { readonly soft: bigint | null; readonly hard: bigint | null };

/** System calls that change this very process. Error codes are names (`ENOENT`). Linux, 64 bit. */
export type ProcessCalls = {
  /** execve(2): comes back only with what went wrong. `words` are the program's arguments, its own name first. */
  readonly execve: (path: string, words: readonly string[], env: NodeJS.ProcessEnv) => string;
  /** The descriptor stays open in programs that this process starts or becomes. */
  readonly keepOpen: (fd: number) => void;
  /** SIGPIPE and SIGXFSZ, which Node ignores, kill again, as every program expects that it is started. */
  readonly restoreSignals: () => void;
  /** setsid(2). False for the leader of a process group, which cannot leave it. */
  readonly leadSession: () => boolean;
  readonly getLimit: (resource: number) => ResourceLimit | string;
  /** Null when it is set. */
  readonly setLimit: (resource: number, limit: ResourceLimit) => string | null;
};

const setDescriptorFlags = 2; // F_SETFD
const ignoredByNode = [13, 25]; // SIGPIPE, SIGXFSZ
const unlimited = 0xffff_ffff_ffff_ffffn; // RLIM_INFINITY

let calls: ProcessCalls | null | undefined;

/** The calls, through koffi; null where that is not to be had. Loaded at first use, which takes some 20 ms. */
export function processCalls(): ProcessCalls | null {
  if (calls !== undefined) return calls;
  try {
    calls = process.platform === "linux" ? loadCalls() : null;
  } catch {
    calls = null; // Without koffi a child does what this process cannot.
  }
  return calls;
}

function loadCalls(): ProcessCalls {
  const koffi = createRequire(import.meta.url)("koffi") as typeof import("koffi");
  const lib = koffi.load("libc.so.6");
  const execve = lib.func("int execve(const char *, const char **, const char **)");
  const fcntl = lib.func("int fcntl(int, int, int)");
  const signal = lib.func("void *signal(int, void *)");
  const setsid = lib.func("int setsid()");
  const getrlimit = lib.func("int getrlimit(int, _Out_ void *)");
  const setrlimit = lib.func("int setrlimit(int, void *)");
  const names = new Map(Object.entries(koffi.os.errno).map(([name, number]) => [number, name]));
  names.set(koffi.os.errno.EAGAIN ?? 11, "EAGAIN"); // Not its other name.
  const reason = (): string => names.get(koffi.errno()) ?? `error ${koffi.errno()}`;
  const bound = (value: bigint): bigint | null => (value === unlimited ? null : value);
  return {
    execve(path, words, env) {
      const variables = Object.entries(env).flatMap(([name, value]) =>
        value === undefined ? [] : [`${name}=${value}`],
      );
      execve(path, [...words, null], [...variables, null]);
      return reason();
    },
    keepOpen: (fd) => {
      fcntl(fd, setDescriptorFlags, 0);
    },
    restoreSignals() {
      for (const number of ignoredByNode) signal(number, null);
    },
    leadSession: () => setsid() >= 0,
    getLimit(resource) {
      const limit = Buffer.alloc(16); // struct rlimit: soft, hard
      if (getrlimit(resource, limit) !== 0) return reason();
      return { soft: bound(limit.readBigUInt64LE(0)), hard: bound(limit.readBigUInt64LE(8)) };
    },
    setLimit(resource, { soft, hard }) {
      const limit = Buffer.alloc(16);
      limit.writeBigUInt64LE(soft ?? unlimited, 0);
      limit.writeBigUInt64LE(hard ?? unlimited, 8);
      return setrlimit(resource, limit) === 0 ? null : reason();
    },
  };
}
