/** Linux gives process ids below 2^22; every message's number keeps them apart below this many. */
const pidRange = 10_000_000;

let used = 0;

/**
 * A number that no other message has got in this process's time, for Message-IDs: the process id first, then the process id
 * with a count of 1, 2, ... in front of its seven digits, which is never a process id (Q-219: a list or a delivery worker
 * injects many messages in a second).
 */
export function uniqueNumber(pid: number = process.pid): number {
  return used++ * pidRange + pid;
}
