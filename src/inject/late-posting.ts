import type { Posting } from "#qmtp";

/** A posting that can be written to at once although where it goes is still being found out. */
export function latePosting(chosen: Promise<Posting>): Posting {
  let posting: Posting | null = null;
  chosen.then(
    (found) => {
      posting = found;
    },
    () => {}, // Whoever finishes hears of it.
  );
  return {
    write: (bytes) => (posting !== null ? posting.write(bytes) : chosen.then((found) => found.write(bytes))),
    finish: async () => (await chosen).finish(),
    abort() {
      chosen.then(
        (found) => found.abort(),
        () => {}, // There is nothing to abort.
      );
    },
  };
}
