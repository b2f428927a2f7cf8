import type { Channel } from "#queue";

/** What is compared: control/concurrencylocal and concurrencyremote, and what the couriers of each channel take at a time. */
export type CeilingHouse = {
  readonly concurrency: Readonly<Record<Channel, number>>;
  readonly outlets: Readonly<Record<Channel, { readonly ceiling: () => number }>>;
  readonly log: (line: string) => void;
};

/**
 * The scheduler starts no more deliveries than the couriers take, whatever the limit says (spec Q-066); qmail-send did so in
 * silence. Call what this makes whenever couriers come or go. Log lines:
 *
 *     warning: control/concurrencyremote is 500, but its couriers take 120 at a time: 120 is the limit
 */
export function ceilingWatch({ concurrency, outlets, log }: CeilingHouse): () => void {
  /** The ceiling that was told last, for as long as it is too low. */
  const told: Record<Channel, number | null> = { local: null, remote: null };
  return () => {
    for (const channel of ["local", "remote"] as const) {
      const ceiling = outlets[channel].ceiling();
      if (ceiling === 0) continue; // They are being started anew: nothing to say about limits.
      const isLow = ceiling < concurrency[channel];
      if (isLow && told[channel] !== ceiling) {
        const wanted = concurrency[channel];
        const limit = `its couriers take ${ceiling} at a time: ${ceiling} is the limit`;
        log(`warning: control/concurrency${channel} is ${wanted}, but ${limit}`);
      }
      told[channel] = isLow ? ceiling : null;
    }
  };
}
