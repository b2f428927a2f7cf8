/**
 * A server from an unpacked package sees the system as if the package were installed: in a mount namespace of its own, the
 * package's /usr and /etc lie over the system's, its users exist, its spool is a folder of the benchmark (the same disk, without a
 * layer in between). A process namespace keeps its orphans, so that their CPU time is counted and none outlives it.
 */
import { chmodSync, chownSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { commandOf, treePids } from "../tools/process-tree.ts";
import { refuseEnded, startLogged, stopTree } from "../tools/processes.ts";
import { type Bed, wrapped } from "./server.ts";
import type { Unpacked } from "./unpack.ts";

/** The owner of the Maildir in every private root. */
export const mailUser = { name: "you", uid: 64_900 } as const;

/** What a package's installation would have made. */
export type Furniture = {
  /** Files below /etc, by path; resolv.conf is empty unless given. */
  readonly etc: Readonly<Record<string, string>>;
  /** Accounts of the server, made with the same number as uid and gid. */
  readonly users: Readonly<Record<string, { readonly id: number; readonly home: string }>>;
  /** Folders that are the server's own, by path below /var, with owner and mode. */
  readonly folders: Readonly<Record<string, { readonly owner: number; readonly mode: number }>>;
};

/** A server at work in its private root. */
export type Housed = {
  readonly pid: number;
  readonly log: string;
  readonly mailFolder: string;
  /** Throws if it has ended. */
  refuseEnded(): void;
  stop(): Promise<void>;
};

/** The place where a folder of a private root lies on the disk under test. */
const insideVar = (folder: string, path: string): string => join(folder, "var", path);

function furnish(folder: string, { etc, users, folders }: Furniture): string {
  const mail = join(folder, "mail");
  for (const name of ["etc", "var", "run", "mail"]) mkdirSync(join(folder, name));
  chmodSync(folder, 0o755);
  chownSync(mail, mailUser.uid, mailUser.uid);
  const accounts = { ...users, [mailUser.name]: { id: mailUser.uid, home: mail } };
  const lines = Object.entries(accounts);
  const passwd = lines.map(([name, { id, home }]) => `${name}:x:${id}:${id}::${home}:/bin/sh\n`);
  const group = lines.map(([name, { id }]) => `${name}:x:${id}:\n`);
  const files: Record<string, string> = {
    passwd: readFileSync("/etc/passwd", "utf8") + passwd.join(""),
    group: readFileSync("/etc/group", "utf8") + group.join(""),
    "resolv.conf": "", // A name server that is asked, or does not answer, would be what is measured.
    hosts: "127.0.0.1 localhost bench.test\n",
    ...etc,
  };
  copyFileSync("/etc/nsswitch.conf", join(folder, "etc", "nsswitch.conf"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, "etc", name)), { recursive: true });
    writeFileSync(join(folder, "etc", name), text);
  }
  for (const [path, { owner, mode }] of Object.entries(folders)) {
    const place = insideVar(folder, path);
    mkdirSync(place, { recursive: true });
    chownSync(place, owner, owner);
    chmodSync(place, mode);
  }
  return mail;
}

const overlay = (over: string, at: string): string => `mount -t overlay -o 'lowerdir=${over}:${at}' overlay ${at}`;

function script(root: string, folder: string, furniture: Furniture): string {
  const binds = Object.keys(furniture.folders).flatMap((path) => {
    const place = insideVar(folder, path);
    // A read-only layer brings the mount point, the bind brings the folder itself, on the disk under test.
    const parent = join("/var", path.split("/")[0]!);
    return [overlay(insideVar(folder, path.split("/")[0]!), parent), `mount --bind '${place}' '/var/${path}'`];
  });
  return [
    "set -e",
    "mount -t proc proc /proc",
    overlay(join(root, "usr"), "/usr"),
    overlay(`${join(folder, "etc")}:${join(root, "etc")}`, "/etc"),
    ...new Set(binds),
    `mount --bind '${join(folder, "run")}' /run`,
    '"$@" & wait $!',
  ].join("\n");
}

/** Starts a server in a private root below the bed's folder; `name` is the last part of its program's path. */
export function startHoused(
  unpacked: Unpacked,
  bed: Bed,
  furniture: Furniture,
  words: readonly [string, ...string[]],
): Housed {
  const mailFolder = furnish(bed.folder, furniture);
  const unshare = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"] as const;
  const shell = ["sh", "-c", script(unpacked.root, bed.folder, furniture), "sh"] as const;
  const log = join(bed.folder, "server.log");
  const child = startLogged(wrapped(bed.wrapper, [...unshare, ...shell, ...words]), log, "/");
  const isServer = (pid: number): boolean => commandOf(pid)[0] === words[0];
  const main = (): number | undefined => treePids(child.pid).find(isServer);
  return {
    ...{ pid: child.pid, log, mailFolder },
    refuseEnded: () => refuseEnded(child),
    stop: () => stopTree(child, main()),
  };
}
