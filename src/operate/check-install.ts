import { lstatSync, type Stats, statfsSync } from "node:fs";
import { join } from "node:path";

/** What instcheck says of a path (spec 1.4). */
export type Flaw = "does not exist" | "has wrong owner" | "has wrong permissions" | "has wrong type";

/** A part of the home that is not as it was made. `path` is absolute. */
export type InstallFlaw = { readonly path: string; readonly flaw: Flaw };

/**
 * Whose a part of the home is. `queue`: the queue's role. `house`: root's, or whoever's the home or the queue is. `alias`: any account's but
 * root's, which gets no mail. `any`: whose asks there (run/local is given to smtpd).
 */
type Owner = "queue" | "house" | "alias" | "any";

/** A folder of the home. `mode` must be exactly so; without it others may not write there. */
type Folder = { readonly name: string; readonly mode?: number; readonly owner: Owner };

/** The partner of `folders` in programs/quail/start/fresh-home.ts. */
const folders: readonly Folder[] = [
  { name: "", owner: "house" },
  { name: "control", owner: "house" },
  { name: "users", owner: "house" },
  { name: "alias", owner: "alias" },
  { name: "bin", owner: "house" },
  { name: "log", owner: "house" },
  { name: "run", mode: 0o711, owner: "house" },
  { name: "queue", mode: 0o711, owner: "queue" },
  { name: "queue/mess", mode: 0o700, owner: "queue" },
  { name: "queue/drop", mode: 0o1733, owner: "queue" },
];

/** Files beside them; all may be missing, none may be a stranger's. */
const files: readonly { readonly name: string; readonly owner: Owner; readonly isRight: (stat: Stats) => boolean }[] = [
  { name: "queue/queue.db", owner: "queue", isRight: (stat) => stat.isFile() },
  { name: "queue/lock", owner: "queue", isRight: (stat) => stat.isDirectory() },
  { name: "queue/lock/sendmutex", owner: "queue", isRight: (stat) => stat.isFile() },
  { name: "queue/door", owner: "queue", isRight: (stat) => stat.isSocket() },
  { name: "queue/remote", owner: "queue", isRight: (stat) => stat.isSocket() },
  { name: "run/local", owner: "any", isRight: (stat) => stat.isSocket() },
];

const writableByOthers = 0o022;

function look(path: string): Stats | null {
  try {
    return lstatSync(path);
  } catch {
    return null; // Not there, or not for us to see: either way it cannot be used.
  }
}

/** Who there is: the uids of the home and of its queue. */
type Owners = { readonly home: number; readonly queue: number };

function isOwner(uid: number, owner: Owner, { home, queue }: Owners): boolean {
  switch (owner) {
    case "queue":
      return uid === queue;
    case "house":
      return uid === 0 || uid === home || uid === queue;
    case "alias":
      // Where root delivers everything himself (a trial), alias is root's too.
      return uid !== 0 || queue === 0;
    case "any":
      return true;
  }
}

function flawOf({ mode, owner }: Folder, stat: Stats | null, owners: Owners): Flaw | null {
  if (stat === null) return "does not exist";
  if (!stat.isDirectory()) return "has wrong type";
  if (!isOwner(stat.uid, owner, owners)) return "has wrong owner";
  const isRight = mode === undefined ? (stat.mode & writableByOthers) === 0 : (stat.mode & 0o7777) === mode;
  return isRight ? null : "has wrong permissions";
}

/** Every folder and file of a home that is not as Quail made it, in the order of the layout. Changes nothing. */
export function checkInstall(home: string): readonly InstallFlaw[] {
  const homeUid = look(home)?.uid ?? 0;
  const owners = { home: homeUid, queue: look(join(home, "queue"))?.uid ?? homeUid };
  const found: InstallFlaw[] = [];
  for (const folder of folders) {
    const path = join(home, folder.name);
    const flaw = flawOf(folder, look(path), owners);
    if (flaw !== null) found.push({ path, flaw });
  }
  for (const { name, owner, isRight } of files) {
    const path = join(home, name);
    const stat = look(path);
    if (stat === null) continue;
    const flaw = !isRight(stat) ? "has wrong type" : isOwner(stat.uid, owner, owners) ? null : "has wrong owner";
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
