import type { Channel } from "#queue";

/** qmail's `skip` (spec 4.4): the first retry comes skip^2 seconds after birth. */
const skip = { local: 10, remote: 20 } as const satisfies Record<Channel, number>;

/**
 * When a pass that starts at `nowMs` is repeated: birth + (floor(sqrt(age)) + skip)^2 seconds, to the second as in qmail-send.
 * Unix milliseconds. `nextRetryMs("remote", 0, 0) === 400_000`.
 */
export function nextRetryMs(channel: Channel, agedFromMs: number, nowMs: number): number {
  const birth = Math.floor(agedFromMs / 1000);
  const age = Math.max(0, Math.floor(nowMs / 1000) - birth);
  return (birth + (Math.floor(Math.sqrt(age)) + skip[channel]) ** 2) * 1000;
}

/** True when a pass that starts now is the last: a soft failure becomes a hard one (age strictly above the lifetime). */
export function isLastPass(agedFromMs: number, nowMs: number, lifetimeSeconds: number): boolean {
  return Math.floor(nowMs / 1000) > Math.floor(agedFromMs / 1000) + lifetimeSeconds;
}

/** What is added to the report of a soft failure in the last pass (spec 4.4). */
export const gaveUp = "I'm not going to try again; this message has been in the queue too long.\n";
