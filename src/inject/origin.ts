import { readFileSync } from "node:fs";
import type { Invoker, Origin } from "#mail";

/** qmail's accounts that the trace line calls by their role (spec 1.2, 2.2). */
const roles: ReadonlyMap<string, Invoker> = new Map<string, Invoker>([
  ["alias", "alias"],
  ["qmaild", "network"],
  ["qmails", "bounce"],
]);

/** Who a uid is to the queue; `passwd` is the text of /etc/passwd. Any uid that is no role account's is a user. */
export function originOf(uid: number, passwd: string): Origin {
  for (const [, name = "", id] of passwd.matchAll(/^(alias|qmaild|qmails):[^:\n]*:([0-9]+):/gm)) {
    const invoker = roles.get(name);
    if (invoker !== undefined && Number(id) === uid) return { invoker, uid };
  }
  return { invoker: "user", uid };
}

/** Who this process is to the queue: its real uid, and the role if it has one. */
export function callerOrigin(): Origin {
  const uid = process.getuid?.() ?? 0;
  if (uid === 0) return { invoker: "user", uid };
  try {
    return originOf(uid, readFileSync("/etc/passwd", "latin1"));
  } catch {
    return { invoker: "user", uid }; // Without the file there are no role accounts.
  }
}
