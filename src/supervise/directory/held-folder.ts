import { closeSync, constants, fstatSync, openSync, statSync } from "node:fs";
import { join } from "node:path";

/**
 * A directory we hold on to, as a supervise does that made it its working directory: it stays the same one when it is renamed, and
 * when another takes its name. One process holds many, so they are descriptors; names in it go through /proc, where there is one.
 */
export class HeldFolder {
  /** Its name when it was opened; for people. */
  readonly name: string;
  /** Device and inode: who it is, whatever its name. */
  readonly identity: string;
  readonly #fd: number;
  readonly #path: string;

  /** Throws what the system says. `path` is absolute. */
  constructor(name: string, path: string) {
    this.name = name;
    this.#fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
    this.identity = identityOf(fstatSync(this.#fd));
    // Our number, not `self`: a child that goes there before it runs its program has other descriptors by then.
    this.#path = isOpenToChildren() ? `/proc/${process.pid}/fd/${this.#fd}` : path;
  }

  /** The path of the directory itself, good as long as it is held. */
  get path(): string {
    return this.#path;
  }

  /** The path of a name in it; an absolute name stays as it is. */
  at(name: string): string {
    return name.startsWith("/") ? name : join(this.#path, name);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** False without /proc, and for a process that was root: its descriptors are no business even of its own children (proc(5)). */
function isOpenToChildren(): boolean {
  return process.platform === "linux" && statSync(`/proc/${process.pid}/fd`).uid === process.geteuid?.();
}

/** Who a directory is: `DEVICE:INODE`. */
export function identityOf({ dev, ino }: { readonly dev: number; readonly ino: number }): string {
  return `${dev}:${ino}`;
}
