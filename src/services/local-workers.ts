/**
 * Workers: one process per uid, started when there is work for it, gone when idle (deliveries for `local`, mailboxes for `auth`).
 * A worker is handed a listening socket that only its asker's uid may connect to, and is that user from its first instruction on.
 *
 * Log lines: `local worker start|end uid= gid= pid=` (only if `verbose`) and `local worker trouble uid= gid= reason=` (the
 * process cannot be started, or ended otherwise than by its own wish). `parts.called` stands for `local worker` where it is given.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import type { Server } from "node:net";
import { join } from "node:path";
import { errorText } from "#files";
import { eventLine } from "#log";
import { closeServer, connectUnix, listenUnix } from "#net";

/** What the pool is made of. */
export type WorkerPoolParts = {
  /** Folder of the workers' sockets; emptied at the start. */
  readonly folder: string;
  /** Working directory a worker starts in. */
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** What one worker has in its environment beside `env`. */
  readonly envFor?: (uid: number, gid: number) => NodeJS.ProcessEnv;
  /** What the workers are called in the log; `local worker` unless told. */
  readonly called?: string;
  /** The words after `node` for a worker; its listening socket is descriptor 3 (`parent-fd=4` is added). */
  readonly words: (uid: number, gid: number) => readonly string[];
  /** Start workers under their uid and gid (we are root); else they are us. */
  readonly become: boolean;
  /** Who may connect to the sockets; null: only the uid we run as. */
  readonly socketUid: number | null;
  readonly log: (line: string) => void;
  readonly verbose: boolean;
  readonly nowMs: () => number;
};

/** The workers at work. */
export type WorkerPool = {
  /** Processes that have not ended yet. */
  readonly living: number;
  /** control/localworkers: most processes at a time, those that are ending not counted. The least recently asked for is let go for another. */
  max: number;
  /**
   * The absolute path of a socket where a worker of this uid and gid listens; null: none can be had now. With `doubtful` the
   * worker is knocked at first: the asker could not get through.
   */
  at(uid: number, gid: number, doubtful: boolean): Promise<string | null>;
  /** Asks all workers to end and waits for them, up to 20 s; deliveries under way are finished by then or redone later. */
  close(): Promise<void>;
};

type Worker = {
  readonly uid: number;
  readonly gid: number;
  readonly path: string;
  readonly child: ChildProcess;
  readonly startedMs: number;
  askedMs: number;
  /** We asked it to end. */
  letGo: boolean;
};

/** A worker asked for this recently is not let go for another: its job may still be on the way. */
const inUseMs = 1_000;
/** A worker that fails this soon after its start has a standing reason to, */
const earlyMs = 5_000;
/** and is not tried again for this long; its mail is deferred meanwhile. */
const holdOffMs = 5_000;
const probeMs = 2_000;
const closingMs = 20_000;

/** The descriptor behind a listening server. Node has no public name for it. */
function descriptorOf(server: Server): number {
  const fd = (server as unknown as { readonly _handle?: { readonly fd?: number } })._handle?.fd;
  if (fd === undefined || fd < 0) throw new Error("a listening socket without a descriptor");
  return fd;
}

/** Opens the pool. Its folder is made if it is missing, and may be entered but not listed by others. */
export function openWorkerPool(parts: WorkerPoolParts, max: number): WorkerPool {
  const { folder, log, nowMs, called = "local worker" } = parts;
  const workers = new Map<string, Worker>();
  const starting = new Map<string, Promise<Worker | null>>();
  const heldOff = new Map<string, number>();
  const living = new Set<Worker>();
  let count = 0;
  let closed = false;

  mkdirSync(folder, { recursive: true, mode: 0o711 });
  chmodSync(folder, 0o711);
  for (const stale of readdirSync(folder)) rmSync(join(folder, stale), { force: true });

  const keyOf = (uid: number, gid: number): string => (parts.become ? `${uid}.${gid}` : `${uid}`);

  const trouble = (uid: number, gid: number, reason: string): void =>
    log(eventLine(`${called} trouble`, { uid, gid, reason }));

  /** Takes a worker out of use; what it has under way goes on. */
  const forget = (worker: Worker): void => {
    const key = keyOf(worker.uid, worker.gid);
    if (workers.get(key) === worker) workers.delete(key);
    rmSync(worker.path, { force: true });
  };

  const letGo = (worker: Worker): void => {
    worker.letGo = true;
    forget(worker);
    worker.child.kill("SIGTERM");
  };

  const ended = (worker: Worker, code: number | null, signal: string | null): void => {
    const { uid, gid, startedMs, child } = worker;
    forget(worker);
    living.delete(worker);
    if (code === 0 || worker.letGo) {
      if (parts.verbose) log(eventLine(`${called} end`, { uid, gid, pid: child.pid }));
      return;
    }
    trouble(uid, gid, signal === null ? `exit code ${code}` : `killed by ${signal}`);
    if (nowMs() - startedMs < earlyMs) heldOff.set(keyOf(uid, gid), nowMs() + holdOffMs);
  };

  /** Lets the least recently asked for worker go; false if all were asked for just now. */
  const makeRoom = (): boolean => {
    let oldest: Worker | null = null;
    for (const worker of workers.values()) if (oldest === null || worker.askedMs < oldest.askedMs) oldest = worker;
    if (oldest === null || nowMs() - oldest.askedMs < inUseMs) return false;
    letGo(oldest);
    return true;
  };

  /** Starts a process that listens at a name never used before: the queue may still hold a link to the last one. */
  const start = async (uid: number, gid: number): Promise<Worker> => {
    const key = keyOf(uid, gid);
    const path = join(folder, `${key}.${process.pid}.${++count}`);
    // Closing a listener removes the name it was bound to, so it is bound to another; nobody knows either name yet.
    const server = await listenUnix(`${path}.new`, (socket) => socket.destroy());
    try {
      if (parts.socketUid !== null) chownSync(`${path}.new`, parts.socketUid, -1);
      renameSync(`${path}.new`, path);
      // The pipe's other end is ours alone: when we are gone, however we went, the worker ends too. The queue may still hold a
      // link to it, so that it would never be idle.
      const child = spawn(process.execPath, [...parts.words(uid, gid), "parent-fd=4"], {
        cwd: parts.cwd,
        env: { ...parts.env, ...parts.envFor?.(uid, gid) },
        stdio: ["ignore", "inherit", "inherit", descriptorOf(server), "pipe"],
        // With uid and gid libuv drops all supplementary groups before it changes to them.
        ...(parts.become ? { uid, gid } : {}),
      });
      if (child.pid === undefined) {
        rmSync(path, { force: true });
        throw await new Promise<Error>((failed) => child.once("error", failed));
      }
      const worker: Worker = { uid, gid, path, child, startedMs: nowMs(), askedMs: nowMs(), letGo: false };
      living.add(worker);
      workers.set(key, worker);
      child.once("exit", (code, signal) => ended(worker, code, signal));
      child.on("error", (error) => trouble(uid, gid, error.message));
      child.stdio[4]?.on("error", () => {}); // The worker's end; its `exit` says all there is to say.
      if (parts.verbose) log(eventLine(`${called} start`, { uid, gid, pid: child.pid }));
      return worker;
    } finally {
      await closeServer(server);
    }
  };

  /** Starts a worker unless there is no room, or it has just failed. */
  const tryStart = (uid: number, gid: number): Promise<Worker | null> => {
    const key = keyOf(uid, gid);
    if ((heldOff.get(key) ?? 0) > nowMs()) return Promise.resolve(null);
    heldOff.delete(key);
    // Those let go may take their time to end; twice the limit is where that stops.
    const full = workers.size + starting.size >= pool.max && !makeRoom();
    if (full || living.size >= 2 * pool.max) {
      trouble(uid, gid, "too many workers");
      return Promise.resolve(null);
    }
    const begun = start(uid, gid)
      .catch((error: unknown) => {
        trouble(uid, gid, errorText(error));
        heldOff.set(key, nowMs() + holdOffMs);
        return null;
      })
      .finally(() => starting.delete(key));
    starting.set(key, begun);
    return begun;
  };

  /** Knocks: is anyone listening? */
  const answers = async (worker: Worker): Promise<boolean> => {
    const socket = await connectUnix(worker.path, probeMs);
    if (!("write" in socket)) return false;
    socket.on("error", () => {}); // Only whether it could be had counts.
    socket.destroy();
    return true;
  };

  const pool: WorkerPool = {
    max,
    get living() {
      return living.size;
    },
    async at(uid, gid, doubtful) {
      const key = keyOf(uid, gid);
      const known = workers.get(key);
      if (known !== undefined && doubtful && !(await answers(known))) forget(known);
      if (closed) return null;
      const worker = workers.get(key) ?? (await (starting.get(key) ?? tryStart(uid, gid)));
      if (worker === null) return null;
      worker.askedMs = nowMs();
      return worker.path;
    },
    async close() {
      closed = true;
      await Promise.all(starting.values());
      const gone = [...living].map(({ child }) => new Promise((done) => child.once("exit", done)));
      for (const worker of living) letGo(worker);
      let timer: NodeJS.Timeout | undefined;
      const enough = new Promise((done) => {
        timer = setTimeout(done, closingMs);
      });
      await Promise.race([Promise.all(gone), enough]);
      clearTimeout(timer);
    },
  };
  return pool;
}
