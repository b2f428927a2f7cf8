import type { ByteString } from "#bytes";
import { Fifo } from "./fifo.ts";
import type { Pending } from "./live.ts";

/**
 * Per-destination concurrency on the remote channel, so that one slow host cannot take every slot. A destination's limit falls
 * by half with each failure that is the host's (not a recipient's) and grows by one with everything else (as congestion control does).
 */
type Destination = {
  busy: number;
  limit: number;
  readonly parked: Fifo<Pending>;
  /** Recipients were passed over because the parking was full: look for them in the store when there is room. */
  skipped: boolean;
};

/** Recipients of one destination that may wait in memory beyond its limit. */
export const maxParked = 100;

const minLimit = 2;

/** What to do with a recipient whose turn has come. */
export type Turn = "start" | "parked" | "skipped";

export class Destinations {
  readonly #known = new Map<ByteString, Destination>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = Math.max(limit, 1);
  }

  /** Takes a slot for the recipient, or parks it, or says that there is no room even to park. */
  take(pending: Pending): Turn {
    const destination = this.#get(pending.destination);
    if (destination.busy < destination.limit) {
      destination.busy++;
      return "start";
    }
    if (destination.parked.length < maxParked) {
      destination.parked.push(pending);
      return "parked";
    }
    destination.skipped = true;
    return "skipped";
  }

  /** True when a recipient read from the store would only be skipped; remembers that it was. */
  passOver(name: ByteString): boolean {
    const destination = this.#known.get(name);
    if (destination === undefined || destination.parked.length < maxParked) return false;
    destination.skipped = true;
    return true;
  }

  /** Gives a slot back. Returns the parked recipients that have slots now. */
  release(name: ByteString, hostTrouble: boolean): readonly Pending[] {
    const destination = this.#get(name);
    destination.busy--;
    if (hostTrouble) destination.limit = Math.max(minLimit, Math.floor(destination.limit / 2));
    else destination.limit = Math.min(this.#limit, destination.limit + 1);
    const next: Pending[] = [];
    while (destination.busy < destination.limit && destination.parked.length > 0) {
      next.push(destination.parked.shift()!);
      destination.busy++;
    }
    if (destination.busy === 0 && destination.limit === this.#limit && !destination.skipped) this.#known.delete(name);
    return next;
  }

  /** Gives back a slot that was taken for nothing; nobody is promoted. */
  cancel(name: ByteString): void {
    this.#get(name).busy--;
  }

  /** More of this destination is due than was read from the store. */
  expectMore(name: ByteString): void {
    this.#get(name).skipped = true;
  }

  /** True if nothing of this destination is in memory that could bring on the next look. */
  isQuiet(name: ByteString): boolean {
    const destination = this.#known.get(name);
    return destination === undefined || (destination.busy === 0 && destination.parked.length === 0);
  }

  /** True once, when recipients that were passed over should be looked for again. */
  wantsMore(name: ByteString): boolean {
    const destination = this.#known.get(name);
    if (destination === undefined || !destination.skipped || destination.parked.length > maxParked / 2) return false;
    destination.skipped = false;
    return true;
  }

  #get(name: ByteString): Destination {
    let destination = this.#known.get(name);
    if (destination === undefined) {
      destination = { busy: 0, limit: this.#limit, parked: new Fifo(), skipped: false };
      this.#known.set(name, destination);
    }
    return destination;
  }
}
