import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { testAccount } from "./fresh-home.ts";
import { giveAway } from "./hand-over.ts";
import type { Roles } from "./roles.ts";
import { step } from "./start-error.ts";
import type { Ids } from "./who.ts";

type OwnFolder = "queue" | "remote" | "filter" | "sign";

/** Where a role that may not write into `run/` has its sockets: a folder of its own, in the home. */
export const ownFolder = (role: OwnFolder): string => `run/own/${role}`;

function makeOwnFolder(home: string, role: OwnFolder, { uid, gid }: Ids): void {
  const path = join(home, ownFolder(role));
  mkdirSync(path, { recursive: true });
  chmodSync(path, 0o711);
  chownSync(path, uid, gid);
}

/** `run/NAME` as everybody knows it, leading to where the role makes the socket. */
function linkSocket(home: string, name: string, role: OwnFolder): void {
  const path = join(home, "run", name);
  const target = join("own", role, name);
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat?.isSymbolicLink() && readlinkSync(path) === target) return;
  rmSync(path, { force: true });
  symlinkSync(target, path);
}

/**
 * Gives each role what is its own in a home of root's: `queue/` to the queue, `alias/` and the test account to alias, a folder for
 * sockets to the queue and to remote. All else stays root's: a role that is broken into can write nowhere else.
 */
export async function layOut(home: string, roles: Roles): Promise<void> {
  await step(`give the roles their folders in ${home}`, () => {
    giveAway(join(home, "queue"), roles.queue);
    giveAway(join(home, "alias"), roles.alias);
    const mailbox = join(home, "home", testAccount);
    if (existsSync(mailbox)) giveAway(mailbox, roles.alias);
    mkdirSync(join(home, "run", "own"), { recursive: true });
    chmodSync(join(home, "run", "own"), 0o711);
    makeOwnFolder(home, "queue", roles.queue);
    makeOwnFolder(home, "remote", roles.remote);
    makeOwnFolder(home, "filter", roles.filter ?? roles.smtpd);
    linkSocket(home, "filter", "filter");
    makeOwnFolder(home, "sign", roles.sign ?? roles.queue);
    linkSocket(home, "sign", "sign");
    giveAway(join(home, "dkim"), roles.sign ?? roles.queue);
    linkSocket(home, "queue-admin", "queue");
    linkSocket(home, "remote", "remote");
  });
}
