/**
 * A disk in memory that forgets. What is written lies in a cache until it is synced; a power cut keeps of the rest what the seed says:
 * appended pieces whole, torn or not at all, in any order; changes of folders as a journal would (all up to some moment) or
 * any of them. A process that is killed loses nothing: the cache is the kernel's.
 */
import type { Random } from "../../corpus/random.ts";

type Piece = {
  readonly bytes: Buffer;
  isDurable: boolean;
  /** Its sync failed: no later one will write it. */
  isDoomed: boolean;
};

export type FileNode = {
  readonly kind: "file";
  readonly id: number;
  pieces: Piece[];
  /** How often a sync lost some of it, and whether one by the file's own descriptor has told so (errseq_t of Linux). */
  losses: number;
  isLossTold: boolean;
};
export type FolderNode = {
  readonly kind: "folder";
  readonly id: number;
  entries: Map<string, Node>;
  durable: Map<string, Node>;
  /** Changes that are not synced, oldest first. */
  pending: { readonly at: number; readonly name: string; readonly node: Node | null }[];
};
export type Node = FileNode | FolderNode;

/** An error as `node:fs` throws it. */
export function systemError(code: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: simulated, ${path}`), { code });
}

const splits = new Map<string, readonly string[]>();

/** The names in a path. The same few folders are asked for all the time. */
function namesIn(path: string): readonly string[] {
  let names = splits.get(path);
  if (names === undefined) {
    if (splits.size > 2_000) splits.clear();
    names = path.split("/").filter((name) => name !== "");
    splits.set(path, names);
  }
  return names;
}

const zeros = Buffer.alloc(256 * 1024);

export class Disk {
  #nextId = 2;
  /** Counts changes of folders. */
  #clock = 0;
  root: FolderNode = { kind: "folder", id: 1, entries: new Map(), durable: new Map(), pending: [] };

  find(path: string): Node | null {
    let node: Node = this.root;
    for (const name of namesIn(path)) {
      if (node.kind !== "folder") return null;
      const next = node.entries.get(name);
      if (next === undefined) return null;
      node = next;
    }
    return node;
  }

  /** The folder a path lies in, and its name there. */
  place(path: string): { readonly folder: FolderNode; readonly name: string } {
    const plain = path.replace(/\/+$/, "");
    const at = plain.lastIndexOf("/");
    const folder = this.find(plain.slice(0, at));
    if (folder?.kind !== "folder") throw systemError("ENOENT", path);
    return { folder, name: plain.slice(at + 1) };
  }

  set(folder: FolderNode, name: string, node: Node | null): void {
    if (node === null) folder.entries.delete(name);
    else folder.entries.set(name, node);
    folder.pending.push({ at: ++this.#clock, name, node });
  }

  newFile(): FileNode {
    return { kind: "file", id: this.#nextId++, pieces: [], losses: 0, isLossTold: true };
  }

  makeFolders(path: string): void {
    let folder = this.root;
    for (const name of namesIn(path)) {
      let next = folder.entries.get(name);
      if (next === undefined) {
        next = { kind: "folder", id: this.#nextId++, entries: new Map(), durable: new Map(), pending: [] };
        this.set(folder, name, next);
      }
      if (next.kind !== "folder") throw systemError("ENOTDIR", path);
      folder = next;
    }
  }

  bytesOf(file: FileNode): Buffer {
    return file.pieces.length === 1 ? file.pieces[0]!.bytes : Buffer.concat(file.pieces.map(({ bytes }) => bytes));
  }

  /** Does the file hold exactly these bytes from `skip` on? */
  holds(file: FileNode, expected: Buffer, skip = 0): boolean {
    let at = -skip;
    for (const { bytes } of file.pieces) {
      const from = Math.max(0, -at);
      const end = at + bytes.length;
      if (end > expected.length) return false;
      if (from < bytes.length && bytes.compare(expected, at + from, end, from) !== 0) return false;
      at = end;
    }
    return at === expected.length;
  }

  sizeOf(file: FileNode): number {
    return file.pieces.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  append(file: FileNode, bytes: Buffer): void {
    if (bytes.length > 0) file.pieces.push({ bytes, isDurable: false, isDoomed: false });
  }

  /** Starts a sync of one node; call the result when it is done: what came after the start may have been missed, so it is. */
  sync(node: Node): (failed: boolean) => void {
    if (node.kind === "folder") {
      const until = this.#clock;
      return (failed) => {
        if (!failed) settleFolder(node, until);
      };
    }
    const pieces = [...node.pieces];
    return (failed) => settlePieces(node, pieces, failed);
  }

  /** The same for everything there is. */
  syncAll(): (failed: boolean) => void {
    const until = this.#clock;
    const files: (readonly [FileNode, readonly Piece[]])[] = [];
    const folders: FolderNode[] = [];
    this.#walk((node) => {
      if (node.kind === "file") files.push([node, [...node.pieces]]);
      else folders.push(node);
    });
    return (failed) => {
      for (const [file, pieces] of files) settlePieces(file, pieces, failed);
      if (!failed) for (const folder of folders) settleFolder(folder, until);
    };
  }

  powerCut(random: Random): void {
    const journal = random.below(2) === 0;
    let oldest = Number.POSITIVE_INFINITY;
    this.#walk((node) => {
      if (node.kind === "folder" && node.pending[0] !== undefined) oldest = Math.min(oldest, node.pending[0].at);
    });
    const until = oldest === Number.POSITIVE_INFINITY ? 0 : oldest - 1 + random.below(this.#clock - oldest + 2);
    // Folders first: what can be reached afterwards depends on them.
    const cut = (folder: FolderNode): void => {
      for (const { at, name, node } of folder.pending) {
        if (journal ? at > until : random.below(2) === 0) continue;
        if (node === null) folder.durable.delete(name);
        else folder.durable.set(name, node);
      }
      folder.pending = [];
      folder.entries = new Map(folder.durable);
      for (const node of folder.entries.values()) {
        if (node.kind === "folder") cut(node);
        else tear(node, random);
      }
    };
    cut(this.root);
  }

  #walk(see: (node: Node) => void): void {
    const seen = new Set<Node>();
    const visit = (node: Node): void => {
      if (seen.has(node)) return;
      seen.add(node);
      see(node);
      if (node.kind === "file") return;
      for (const one of node.entries.values()) visit(one);
    };
    visit(this.root);
  }
}

function settlePieces(file: FileNode, pieces: readonly Piece[], failed: boolean): void {
  let lost = false;
  for (const piece of pieces) {
    if (piece.isDurable || piece.isDoomed) continue;
    if (failed) piece.isDoomed = true;
    else piece.isDurable = true;
    lost = failed;
  }
  if (!lost) return;
  file.losses++;
  file.isLossTold = false;
}

function settleFolder(folder: FolderNode, until: number): void {
  for (const { at, name, node } of folder.pending) {
    if (at > until) continue;
    if (node === null) folder.durable.delete(name);
    else folder.durable.set(name, node);
  }
  folder.pending = folder.pending.filter(({ at }) => at > until);
}

/** What is left of a file's pieces that were not synced: each whole, torn, or nothing (zeros, if something behind it is left). */
function tear(file: FileNode, random: Random): void {
  if (file.pieces.every(({ isDurable }) => isDurable)) return;
  const left: Buffer[] = [];
  let holes = 0;
  for (const piece of file.pieces) {
    const fate = piece.isDurable ? 2 : piece.isDoomed ? 0 : random.below(3);
    const kept =
      fate === 2 ? piece.bytes : fate === 1 ? piece.bytes.subarray(0, random.below(piece.bytes.length)) : null;
    if (kept !== null) {
      if (holes > 0) left.push(Buffer.alloc(0), holes <= zeros.length ? zeros.subarray(0, holes) : Buffer.alloc(holes));
      left.push(kept);
      holes = 0;
    }
    holes += piece.bytes.length - (kept?.length ?? 0);
  }
  const bytes = Buffer.concat(left);
  file.pieces = bytes.length === 0 ? [] : [{ bytes, isDurable: true, isDoomed: false }];
}
