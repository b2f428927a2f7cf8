/** Root gives a home of ours to the uid that will work in it, and becomes that uid. */
import { lchownSync, lstatSync, readdirSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { join } from "node:path";
import { makeRunFolder } from "./fresh-home.ts";
import { step } from "./start-error.ts";
import type { Ids } from "./who.ts";

/**
 * Gives away what root owns in a folder. Only called while the folder itself is root's, so nobody else is at work in it. A
 * file with a second name is left alone: that name may stand elsewhere.
 */
export function giveAway(path: string, { uid, gid }: Ids): void {
  const stat = lstatSync(path);
  if (stat.uid !== 0 || (!stat.isDirectory() && stat.nlink > 1)) return;
  if (stat.isDirectory()) for (const name of readdirSync(path)) giveAway(join(path, name), { uid, gid });
  lchownSync(path, uid, gid);
}

/** Makes the home and `run/` if they are missing; what root made becomes that of `ids`. */
export async function handHome(home: string, ids: Ids): Promise<void> {
  await step(`make ${home}`, () => makeRunFolder(home));
  if (lstatSync(home).uid !== 0) {
    // A home that is somebody's already: only what was made just now is root's.
    const run = join(home, "run");
    if (lstatSync(run).uid === 0) lchownSync(run, ids.uid, ids.gid);
    return;
  }
  await step(`hand ${home} to uid ${ids.uid}`, () => giveAway(home, ids));
}

/** From here on this process, and all it starts, is `ids` and nobody else. */
export function become({ uid, gid }: Ids): void {
  flushCompileCache(); // Kept beside our code, where only root can write.
  process.setgroups?.([gid]);
  process.setgid?.(gid);
  process.setuid?.(uid);
}
