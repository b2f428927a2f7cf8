import { closeSync, openSync } from "node:fs";
import { errorText } from "#files";
import type { ProgramCall } from "#process";

/**
 * Gives up rights for good: group first, and with it every supplementary group but that one; then user. Null, or what failed in the
 * original's words. A program inside another's process may not change it.
 */
export function dropPrivileges(call: ProgramCall, gid: number | null, uid: number | null): string | null {
  const steps: readonly (readonly [what: string, id: number | null, act: (id: number) => void])[] = [
    ["gid", gid, setGroup],
    ["uid", uid, (id) => process.setuid?.(id)],
  ];
  for (const [what, id, act] of steps) {
    if (id === null) continue;
    try {
      if (call.become === null) throw Object.assign(new Error(), { code: "EPERM" });
      act(id);
    } catch (error) {
      return `unable to set ${what}: ${errorText(error)}`;
    }
  }
  return null;
}

function setGroup(gid: number): void {
  process.setgroups?.([gid]);
  process.setgid?.(gid);
}

/** Lets go of standard input and output; nothing of a program's own opens under their numbers. Only for a process of its own. */
export function closeInputAndOutput(call: ProgramCall): void {
  if (call.become === null) return;
  for (const fd of [0, 1]) {
    try {
      closeSync(fd);
    } catch {
      // It was closed already.
    }
    openSync("/dev/null", fd === 0 ? "r" : "w");
  }
}
