import { externalTai64n } from "../tai64n.ts";

/** A moment of the system's clock: seconds since 1970, nanoseconds 0..999999999. */
export type Moment = { readonly seconds: number; readonly nanoseconds: number };

/** How far the two clocks may be apart before the system's counts: it was set, or the machine slept. */
const maxDriftNs = 1_500_000n;
const million = 1_000_000n;
const billion = 1_000_000_000n;

/** A clock finer than Date's milliseconds: it counts nanoseconds from a reading of the system's clock, and follows that one. */
export function fineClock(
  wallMs: () => number = Date.now,
  counterNs: () => bigint = process.hrtime.bigint,
): () => Moment {
  let [wall, counter] = [BigInt(wallMs()) * million, counterNs()];
  return () => {
    const [wallNow, counterNow] = [BigInt(wallMs()) * million, counterNs()];
    let now = wall + (counterNow - counter);
    const drift = now > wallNow ? now - wallNow : wallNow - now;
    if (drift > maxDriftNs) {
      [wall, counter] = [wallNow, counterNow];
      now = wallNow;
    }
    return { seconds: Number(now / billion), nanoseconds: Number(now % billion) };
  };
}

/** `@4000000037c219bf2ef02e94` */
export function tai64nLabel({ seconds, nanoseconds }: Moment): string {
  return externalTai64n(seconds, nanoseconds);
}

/** `935467445.787492`, daemontools-encore's form. */
export function unixLabel({ seconds, nanoseconds }: Moment): string {
  return `${seconds}.${String(Math.floor(nanoseconds / 1000)).padStart(6, "0")}`;
}
