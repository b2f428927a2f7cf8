import { closeSync, openSync } from "node:fs";
import { hasSyscalls, syncFileSystem } from "#files";

/** A file system on which deliveries are under way. */
type Volume = {
  readonly device: number;
  /** Opened before the first byte was written: the kernel tells an fd only of write errors that came after its open. */
  readonly fd: number;
  /** Deliveries that have entered and not yet settled or left. */
  inside: number;
  busy: boolean;
  /** The one in the greatest hurry of those who wait. */
  hurry: Hurry;
  waiting: { readonly done: () => void; readonly failed: (error: unknown) => void }[];
  /** Ends the wait for company. */
  onEnough: (() => void) | null;
};

/**
 * A delivery that nobody waits for waits this long for company before its sync: its sender has been answered. It halves the syncs when messages come one after the other.
 */
const defaultCompanyMs = 5;
/** The same when a sender waits for one of them: a fifth less CPU time with 20 senders. */
const soonMs = 2;
/** After so many syncs for one delivery each there is no company to be had: one sender sends one message after the other. */
const aloneInARow = 3;
/** With this many nobody waits. */
const enough = 12;

/** How long a delivery may wait for company: for the good of the machine, while its sender waits, or not at all. */
export type Hurry = "in company" | "soon" | "now";

/** A delivery's place in the batches of its file system; give it back by exactly one of `settle` and `leave`. */
export type BatchPlace = {
  /**
   * All is written or renamed: resolves once a sync that began after this call has ended. Rejects if that sync failed.
   */
  settle(hurry: Hurry): Promise<void>;
  /** The delivery came to nothing. */
  leave(): void;
};

const nextTurn = (): Promise<void> => new Promise((done) => setImmediate(done));

/**
 * Many deliveries, one sync. Whoever settles while no sync of its file system is under way starts one when it
 * has company or has waited for it; those who settle during a sync wait for the next one, which begins when this one ends (a sync may
 * have missed what came after its start). Two syncs of a file system never run at once.
 */
export class DurableBatch {
  readonly #sync: ((fd: number) => Promise<boolean>) | null;
  readonly #volumes = new Map<number, Volume>();
  readonly #companyMs: number;
  /** The last so many syncs were for one delivery each. */
  #alone = aloneInARow;

  /**
   * `sync` makes the file system of an fd durable; null where that is not to be had (then each delivery fsyncs by itself).
   * `companyMs`: how long a lone delivery waits for company, in milliseconds; 0 = it does not.
   */
  constructor(
    sync: ((fd: number) => Promise<boolean>) | null = process.platform === "linux" && hasSyscalls()
      ? syncFileSystem
      : null,
    companyMs = defaultCompanyMs,
  ) {
    this.#sync = sync;
    this.#companyMs = companyMs;
  }

  /** False: there is no syncing of whole file systems here, `enter` must not be called. */
  get isToBeHad(): boolean {
    return this.#sync !== null;
  }

  /** Takes a place before anything is written. `device` is st_dev of `directory`. Throws what `open` says. */
  enter(device: number, directory: string | Buffer): BatchPlace {
    let volume = this.#volumes.get(device);
    if (volume === undefined) {
      volume = {
        device,
        fd: openSync(directory, "r"),
        inside: 0,
        busy: false,
        hurry: "in company",
        waiting: [],
        onEnough: null,
      };
      this.#volumes.set(device, volume);
    }
    return this.#placeOn(volume);
  }

  #placeOn(volume: Volume): BatchPlace {
    volume.inside++;
    return {
      settle: (hurry) =>
        new Promise((done, failed) => {
          volume.waiting.push({ done, failed });
          if (hurry === "now" || volume.hurry === "in company") volume.hurry = hurry;
          if (hurry === "now" || volume.waiting.length >= enough) volume.onEnough?.();
          if (volume.busy) return;
          volume.busy = true;
          void this.#work(volume);
        }),
      leave: () => {
        volume.inside--;
        this.#closeIfEmpty(volume);
      },
    };
  }

  async #work(volume: Volume): Promise<void> {
    while (volume.waiting.length > 0) {
      await this.#company(volume);
      const generation = volume.waiting;
      volume.waiting = [];
      volume.hurry = "in company";
      this.#alone = generation.length === 1 ? this.#alone + 1 : 0;
      try {
        if (!(await this.#sync!(volume.fd))) throw new Error("syncfs is not to be had");
        for (const { done } of generation) done();
      } catch (error) {
        for (const { failed } of generation) failed(error);
      }
      volume.inside -= generation.length;
    }
    volume.busy = false;
    this.#closeIfEmpty(volume);
  }

  /** What is delivered in this turn of the event loop shares the sync, and what comes within the wait for company. */
  async #company(volume: Volume): Promise<void> {
    await nextTurn();
    const { waiting, hurry } = volume;
    if (waiting.length >= enough || this.#companyMs === 0 || hurry === "now") return;
    if (hurry === "soon" && this.#alone >= aloneInARow) return;
    const waitMs = hurry === "soon" ? Math.min(soonMs, this.#companyMs) : this.#companyMs;
    await new Promise<void>((done) => {
      const timer = setTimeout(done, waitMs);
      volume.onEnough = () => {
        clearTimeout(timer);
        done();
      };
    });
    volume.onEnough = null;
  }

  #closeIfEmpty(volume: Volume): void {
    if (volume.inside > 0 || volume.busy || this.#volumes.get(volume.device) !== volume) return;
    this.#volumes.delete(volume.device);
    closeSync(volume.fd);
  }
}
