import { statSync } from "node:fs";
import type { ByteString } from "#bytes";
import { diskPath, errorText } from "#files";
import { type Outcome, temporary } from "#mail";

/** Mode bits that neither a home nor a .qmail file may have: writable by others (conf-patrn; spec 1.5, G42). */
export const forbiddenModes = 0o002;
const stickyBit = 0o1000;

const writable = temporary("Uh-oh: home directory is writable. (#4.7.0)\n");
const sticky = temporary("Home directory is sticky: user is editing his .qmail file. (#4.2.1)\n");

/** May mail be delivered in this home now? Null if so; `"sticky"` is told apart because qmail-local -n only warns. */
export function checkHome(home: ByteString): Outcome | { readonly sticky: Outcome } | null {
  let mode: number;
  try {
    const stat = statSync(diskPath(home));
    if (!stat.isDirectory()) return temporary(`Unable to switch to ${home}: not a directory. (#4.3.0)\n`);
    mode = stat.mode;
  } catch (error) {
    return temporary(`Unable to switch to ${home}: ${errorText(error)}. (#4.3.0)\n`);
  }
  if ((mode & forbiddenModes) !== 0) return writable;
  return (mode & stickyBit) !== 0 ? { sticky } : null;
}
