/**
 * What stands in the place of `node:fs`, `node:fs/promises` and `node:sqlite` for the modules under test: the same calls, on the
 * simulated disk. Each call is one moment at which the machine may die.
 */
import { constants } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { Disk, type FileNode, type Node, systemError } from "./disk.ts";
import type { Machine } from "./machine.ts";

/** Rules that can be broken on purpose, to see that the simulation notices. */
export type Mutant =
  | "none"
  | "answers before its commit"
  | "answers before it has arrived"
  | "does not sync a file"
  | "does not sync a folder"
  | "reports success before syncfs"
  | "renames before it writes";

/** How often, in a thousand, an operation fails although nothing dies. */
export type Faults = { readonly write: number; readonly sync: number; readonly commit: number };

/** `losses`: how many of its file's losses this descriptor knows of. */
type Open = { readonly node: Node; readonly path: string; held: Buffer[]; losses: number };

/** The parts of a computer that outlive processes. */
export class World {
  disk = new Disk();
  readonly machine: Machine;
  mutant: Mutant = "none";
  /** A sync that fails takes its bytes with it: no later sync writes them, as some kernels have it. Else a later one may. */
  failedSyncsForget = false;
  faults: Faults = { write: 0, sync: 0, commit: 0 };
  readonly #open = new Map<number, Open>();
  #nextFd = 10;
  readonly #database = new DatabaseSync(":memory:");
  readonly #statements = new Map<string, StatementSync>();
  #isMade = false;
  /** A COMMIT that said yes without being done (a mutant). */
  #isPromised = false;

  constructor(machine: Machine) {
    this.machine = machine;
  }

  /** A new, empty disk and database. */
  begin(mutant: Mutant): void {
    this.disk = new Disk();
    this.mutant = mutant;
    this.faults = { write: 0, sync: 0, commit: 0 };
    this.#open.clear();
    this.loseTransaction();
    if (!this.#isMade) return;
    this.#database.exec(
      "DELETE FROM message; DELETE FROM body; DELETE FROM recipient; UPDATE meta SET value = 1 WHERE name = 'next_id'",
    );
  }

  /** What a dying process leaves of an unfinished transaction: nothing. */
  loseTransaction(): void {
    this.#isPromised = false;
    if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
  }

  /** Rows, for the harness. */
  rows(sql: string): readonly Record<string, unknown>[] {
    return this.#isMade ? this.#statement(sql).all() : [];
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #fails(perMille: number): boolean {
    return perMille > 0 && this.machine.process !== undefined && this.machine.random.below(1000) < perMille;
  }

  #fd(fd: number): Open {
    const open = this.#open.get(fd);
    if (open === undefined) throw systemError("EBADF", String(fd));
    return open;
  }

  #openNode(path: string, flags: string | number): number {
    const creates = typeof flags === "string" ? flags !== "r" && flags !== "r+" : (flags & constants.O_CREAT) !== 0;
    const excludes = typeof flags === "string" ? flags.includes("x") : (flags & constants.O_EXCL) !== 0;
    let node = this.disk.find(path);
    if (node !== null && excludes) throw systemError("EEXIST", path);
    if (node === null && !creates) throw systemError("ENOENT", path);
    if (node === null) {
      if (this.#fails(this.faults.write)) throw systemError("ENOSPC", path);
      const { folder, name } = this.disk.place(path);
      node = this.disk.newFile();
      this.disk.set(folder, name, node);
    }
    const fd = this.#nextFd++;
    // A loss that nobody has been told of is told to who opens the file now (Linux since 4.13).
    const losses = node.kind === "file" && node.isLossTold ? node.losses : 0;
    this.#open.set(fd, { node, path, held: [], losses });
    return fd;
  }

  /** Writes all buffers, which nobody changes afterwards, or as much as there is room for. */
  #write(fd: number, buffers: readonly Buffer[]): number {
    const open = this.#fd(fd);
    if (open.node.kind !== "file") throw systemError("EBADF", open.path);
    const { node } = open;
    const { random } = this.machine;
    const part = (): number => {
      const bytes = buffers.length === 1 ? buffers[0]! : Buffer.concat(buffers);
      const length = random.below(bytes.length + 1);
      this.disk.append(node, bytes.subarray(0, length));
      return length;
    };
    this.machine.operation(part);
    if (this.#fails(this.faults.write)) {
      const written = part();
      if (written === 0) throw systemError("ENOSPC", open.path);
      return written;
    }
    let written = 0;
    for (const bytes of buffers) {
      written += bytes.length;
      if (this.mutant === "renames before it writes" && open.path.includes("/tmp/")) this.#held.push([node, bytes]);
      else this.disk.append(node, bytes);
    }
    return written;
  }
  /** Bytes that a mutant has not written yet. */
  #held: (readonly [FileNode, Buffer])[] = [];

  #rename(from: string, to: string): void {
    this.machine.operation();
    const node = this.disk.find(from);
    if (node === null) throw systemError("ENOENT", from);
    const source = this.disk.place(from);
    const target = this.disk.place(to);
    this.disk.set(target.folder, target.name, node);
    this.disk.set(source.folder, source.name, null);
    if (this.mutant !== "renames before it writes") return;
    this.machine.operation();
    for (const [file, bytes] of this.#held) this.disk.append(file, bytes);
    this.#held = [];
  }

  #remove(path: string): void {
    this.machine.operation();
    const { folder, name } = this.disk.place(path);
    if (folder.entries.has(name)) this.disk.set(folder, name, null);
  }

  #list(path: string): string[] {
    this.machine.operation();
    const node = this.disk.find(path);
    if (node?.kind !== "folder") throw systemError("ENOENT", path);
    return [...node.entries.keys()];
  }

  #stat(path: string, throws: boolean) {
    const node = this.disk.find(path);
    if (node === null) {
      if (throws) throw systemError("ENOENT", path);
      return undefined;
    }
    return {
      dev: 1,
      ino: node.id,
      size: node.kind === "file" ? this.disk.sizeOf(node) : 0,
      isFile: () => node.kind === "file",
      isDirectory: () => node.kind === "folder",
    };
  }

  #read(open: Open, into: Buffer, at: number, length: number, position: number): number {
    if (open.node.kind !== "file") throw systemError("EISDIR", open.path);
    return this.disk.bytesOf(open.node).copy(into, at, position, position + length);
  }

  /** Ends later, as the kernel does; what came after the call may not be on the disk. */
  sync(what: Open | "all"): Promise<void> {
    const settle = this.#beginSync(what);
    return this.machine.later(() => settle());
  }

  #beginSync(what: Open | "all"): () => void {
    const node = what === "all" ? null : what.node;
    const lies =
      this.mutant === "reports success before syncfs"
        ? node === null
        : node !== null && this.mutant === (node.kind === "file" ? "does not sync a file" : "does not sync a folder");
    const settle = node === null ? this.disk.syncAll() : this.disk.sync(node);
    return () => {
      if (lies) return;
      const failed = this.#fails(this.faults.sync);
      if (!failed || this.failedSyncsForget) settle(failed);
      if (failed && what !== "all") this.#tellsOfLoss(what);
      if (failed || (what !== "all" && this.#tellsOfLoss(what))) throw systemError("EIO", "sync");
    };
  }

  /** An earlier sync of the whole disk has lost some of this file: its own descriptors are told once. */
  #tellsOfLoss(open: Open): boolean {
    if (open.node.kind !== "file" || open.losses === open.node.losses) return false;
    open.losses = open.node.losses;
    open.node.isLossTold = true;
    return true;
  }

  /** `node:fs`, as far as it is used. */
  readonly fs = {
    constants,
    existsSync: (path: string) => this.disk.find(path) !== null,
    mkdirSync: (path: string) => {
      this.machine.operation();
      this.disk.makeFolders(path);
    },
    readdirSync: (path: string) => this.#list(path),
    rmSync: (path: string) => this.#remove(String(path)),
    openSync: (path: string, flags: string | number) => {
      this.machine.operation();
      return this.#openNode(String(path), flags);
    },
    closeSync: (fd: number) => {
      this.#open.delete(fd);
    },
    writeSync: (fd: number, bytes: Buffer, at = 0) => this.#write(fd, [bytes.subarray(at)]),
    writevSync: (fd: number, buffers: readonly Buffer[]) => this.#write(fd, buffers),
    readSync: (fd: number, into: Buffer, at: number, length: number, position: number) =>
      this.#read(this.#fd(fd), into, at, length, position),
    fsyncSync: (fd: number) => {
      this.machine.operation();
      this.#beginSync(this.#fd(fd))();
    },
    renameSync: (from: string, to: string) => this.#rename(String(from), String(to)),
    statSync: (path: string, options?: { throwIfNoEntry?: boolean }) =>
      this.#stat(path, options?.throwIfNoEntry !== false),
    lstatSync: (path: string, options?: { throwIfNoEntry?: boolean }) =>
      this.#stat(path, options?.throwIfNoEntry !== false),
  };

  /** `node:fs/promises`, as far as it is used. */
  readonly promises = {
    constants,
    readdir: (path: string) => this.machine.later(() => this.#list(path)),
    open: (path: string, flags: string | number = "r") =>
      this.machine.later(() => {
        const fd = this.#openNode(String(path), flags);
        const open = this.#fd(fd);
        const close = async (): Promise<void> => void this.#open.delete(fd);
        return {
          fd,
          close,
          [Symbol.asyncDispose]: close,
          sync: () => this.sync(open),
          stat: () => this.machine.later(() => this.#stat(open.path, true)),
          read: (buffer: Buffer, at: number, length: number, position: number) =>
            this.machine.later(() => ({ buffer, bytesRead: this.#read(open, buffer, at, length, position) })),
        };
      }),
  };

  /** `node:sqlite`: one database in memory that outlives its users; only COMMIT can be met by a crash or fail. */
  readonly sqlite = (() => {
    const world = this;
    const alive = (): void => {
      if (world.machine.process?.alive === false) world.machine.operation();
      if (world.#isPromised) world.#keepPromise();
    };
    return {
      DatabaseSync: class {
        constructor(path: string) {
          world.machine.operation();
          if (world.disk.find(path) === null) {
            const { folder, name } = world.disk.place(path);
            folder.entries.set(name, world.disk.newFile());
            folder.durable.set(name, folder.entries.get(name)!);
          }
        }
        get isTransaction(): boolean {
          return world.#database.isTransaction;
        }
        prepare(sql: string): unknown {
          if (/^\s*PRAGMA user_version/.test(sql)) return world.#database.prepare(sql);
          const statement = world.#statement(sql);
          return {
            run: (...values: never[]) => {
              alive();
              return statement.run(...values);
            },
            get: (...values: never[]) => {
              alive();
              return statement.get(...values);
            },
            all: (...values: never[]) => {
              alive();
              return statement.all(...values);
            },
          };
        }
        exec(sql: string): void {
          if (sql !== "COMMIT") {
            alive();
            if (/^\s*PRAGMA/.test(sql) && world.#isMade) return;
            world.#database.exec(sql);
            if (sql.includes("CREATE TABLE")) world.#isMade = true;
            return;
          }
          world.machine.operation(() => {
            // Whether it was done before the end is anybody's guess.
            if (world.machine.random.below(2) === 0) world.#database.exec("COMMIT");
          });
          if (world.#fails(world.faults.commit)) throw systemError("SQLITE_FULL", "queue.db");
          if (world.mutant === "answers before its commit") world.#isPromised = true;
          else world.#database.exec("COMMIT");
        }
        close(): void {}
      },
    };
  })();

  #keepPromise(): void {
    this.#isPromised = false;
    this.#database.exec("COMMIT");
  }
}
