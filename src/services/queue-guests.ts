import type { Socket } from "node:net";

/**
 * Connections one account of this host may have at the queue's door: each costs the queue a descriptor. A user's programs hold one
 * for each message they are posting, a delivery worker one for all its forwards.
 */
const perAccount = 200;

/**
 * Counts those at the door who are not of the house. The returned function lets one in (until its connection is over), or says
 * false: that account has as many connections as it may have.
 */
export function guestBook(limit: number = perAccount): (uid: number, socket: Socket) => boolean {
  const inside = new Map<number, number>();
  return (uid, socket) => {
    const count = inside.get(uid) ?? 0;
    if (count >= limit) return false;
    inside.set(uid, count + 1);
    socket.once("close", () => {
      const left = (inside.get(uid) ?? 1) - 1;
      if (left === 0) inside.delete(uid);
      else inside.set(uid, left);
    });
    return true;
  };
}
