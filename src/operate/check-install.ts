import { lstatSync, type Stats, statfsSync } from "node:fs";
import { join } from "node:path";

/** What instcheck says of a path (spec 1.4). */
export type Flaw = "does not exist" | "has wrong owner" | "has wrong permissions" | "has wrong type";

/** A part of the home that is not as it was made. `path` is absolute. */
export type InstallFlaw = { readonly path: string; readonly flaw: Flaw };

/**
 * A folder of the home. `mode` must be exactly so; without it others may not write there. `ours`: it belongs to whom the queue belongs;
 * others may be root's too.
 */
type Folder = { readonly name: string; readonly mode?: number; readonly ours: boolean };

/** The partner of `folders` in programs/quail/start/fresh-home.ts. */
const folders: readonly Folder[] = [
  { name: "", ours: false },
  { name: "control", ours: false },
  { name: "users", ours: false },
  { name: "alias", ours: false },
  { name: "bin", ours: false },
  { name: "log", ours: true },
  { name: "run", mode: 0o711, ours: true },
  { name: "queue", mode: 0o711, ours: true },
  { name: "queue/mess", mode: 0o700, ours: true },
  { name: "queue/drop", mode: 0o1733, ours: true },
];

/** Files of the queue; all may be missing, none may be anybody else's. */
const files: readonly { readonly name: string; readonly isRight: (stat: Stats) => boolean }[] = [
  { name: "queue/queue.db", isRight: (stat) => stat.isFile() },
  { name: "queue/lock", isRight: (stat) => stat.isDirectory() },
  { name: "queue/lock/sendmutex", isRight: (stat) => stat.isFile() },
  { name: "queue/door", isRight: (stat) => stat.isSocket() },
  { name: "queue/remote", isRight: (stat) => stat.isSocket() },
  { name: "run/local", isRight: (stat) => stat.isSocket() },
];

const writableByOthers = 0o022;

function look(path: string): Stats | null {
  try {
    return lstatSync(path);
  } catch {
    return null; // Not there, or not for us to see: either way it cannot be used.
  }
}

function flawOf({ mode, ours }: Folder, stat: Stats | null, owner: number): Flaw | null {
  if (stat === null) return "does not exist";
  if (!stat.isDirectory()) return "has wrong type";
  if (stat.uid !== owner && (ours || stat.uid !== 0)) return "has wrong owner";
  const isRight = mode === undefined ? (stat.mode & writableByOthers) === 0 : (stat.mode & 0o7777) === mode;
  return isRight ? null : "has wrong permissions";
}

/**
 * Every folder and file of a home that is not as Quail made it, in the order of the layout. Changes nothing. The owner everything is
 * held against is the queue's, or the home's where there is no queue.
 */
export function checkInstall(home: string): readonly InstallFlaw[] {
  const owner = (look(join(home, "queue")) ?? look(home))?.uid ?? 0;
  const found: InstallFlaw[] = [];
  for (const folder of folders) {
    const path = join(home, folder.name);
    const flaw = flawOf(folder, look(path), owner);
    if (flaw !== null) found.push({ path, flaw });
  }
  for (const { name, isRight } of files) {
    const path = join(home, name);
    const stat = look(path);
    if (stat === null) continue;
    const flaw = !isRight(stat) ? "has wrong type" : stat.uid === owner ? null : "has wrong owner";
    if (flaw !== null) found.push({ path, flaw });
  }
  return found;
}

/** statfs(2)'s numbers of file systems that are on another machine: NFS, SMB and CIFS, 9P, AFS, Ceph. */
const networkFileSystems: ReadonlySet<number> = new Set([
  0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x01021997, 0x5346414f, 0x00c36400,
]);

/** True if the queue lies on a network file system, whose promises about locks and fsync a queue cannot live with (gotcha G36). */
export function isQueueRemote(home: string, typeOf = (path: string): number => statfsSync(path).type): boolean {
  try {
    return networkFileSystems.has(typeOf(join(home, "queue")));
  } catch {
    return false; // No queue yet; its absence is reported by itself.
  }
}
