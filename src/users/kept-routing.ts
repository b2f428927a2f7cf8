import { join } from "node:path";
import { stampOf } from "./kept-file.ts";
import { loadRouting, type Routing } from "./routing.ts";

/** The files `loadRouting` reads. */
const files = ["me", "locals", "envnoathost", "percenthack", "virtualdomains"];

/** The files are looked at for changes at most this often. */
const checkMs = 1_000;

/** A routing that follows its control files. */
export type KeptRouting = {
  /** The routing by the files as they were at most a second ago. Throws ControlError while one of them is wrong. */
  now(): Routing;
  /** Makes the next `now` read the files again (SIGHUP). */
  reload(): void;
};

type Loaded = { readonly stamp: string } & ({ readonly routing: Routing } | { readonly error: unknown });

function load(home: string, stamp: string): Loaded {
  try {
    return { stamp, routing: loadRouting(home) };
  } catch (error) {
    return { stamp, error };
  }
}

/**
 * Keeps a home's routing, read again when one of its files changes. For those who ask about addresses all the time but take
 * nothing in (the scheduler itself re-reads on HUP alone, Q-111).
 */
export function keptRouting(home: string, nowMs: () => number = Date.now): KeptRouting {
  let loaded: Loaded | null = null;
  let checkedMs = Number.NEGATIVE_INFINITY;
  const current = (): Loaded => {
    if (loaded !== null && nowMs() - checkedMs < checkMs) return loaded;
    checkedMs = nowMs();
    // Stamped before they are loaded: what changes in between is seen at the next look.
    const stamp = files.map((file) => stampOf(join(home, "control", file))).join("|");
    if (loaded === null || loaded.stamp !== stamp) loaded = load(home, stamp);
    return loaded;
  };
  return {
    now() {
      const answer = current();
      if ("error" in answer) throw answer.error;
      return answer.routing;
    },
    reload() {
      loaded = null;
    },
  };
}
