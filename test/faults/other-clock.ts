/**
 * A wall clock that jumps, for the services of a house and nobody else: code that each of them loads first (NODE_OPTIONS reaches them, LD_PRELOAD
 * does not) and that moves `Date` when a signal comes. Timers go on as they are, as with settimeofday(2).
 */
import type { House } from "../system/house.ts";
import { pidsOf } from "./watching.ts";

/** An hour ahead, then an hour behind, then right again: one step a signal. */
const source = `
const offsets = [0, 3600000, -3600000];
let at = 0;
const Real = Date;
globalThis.Date = class Date extends Real {
  constructor(...args) { if (args.length > 0) super(...args); else super(Real.now() + offsets[at]); }
  static now() { return Real.now() + offsets[at]; }
};
process.on("SIGUSR2", () => { at = (at + 1) % offsets.length; });`;

/** For the environment of a house. */
export const jumpingClock = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(source)}` } as const;

const confined = ["smtpd", "queue", "local", "remote", "pop3d"] as const;

/** The next step: an hour ahead, an hour behind, right again. */
export function jump(house: House): void {
  for (const role of confined) for (const pid of pidsOf(house, role)) process.kill(pid, "SIGUSR2");
}
