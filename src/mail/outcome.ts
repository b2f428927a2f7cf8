import type { ByteString } from "#bytes";

/** How one attempt ended: for good, for now, or well. */
export type Fate = "done" | "temporary" | "permanent";

/**
 * The result of an attempt, as a value. `text` is the public text as qmail words it, its status code in parentheses at
 * the end (`Sorry, no mailbox here by that name. (#5.1.1)`); a byte string, may hold LFs, no NUL.
 */
export type Outcome = {
  readonly fate: Fate;
  readonly text: ByteString;
  /** `host`: the destination host as a whole is in trouble (no connection, no greeting); others for it will fare no better. */
  readonly scope?: "host";
};

export const done = (text: ByteString = ""): Outcome => ({ fate: "done", text });
export const temporary = (text: ByteString): Outcome => ({ fate: "temporary", text });
export const permanent = (text: ByteString): Outcome => ({ fate: "permanent", text });

/** qmail's report letters (spec 4.9): K accepted, Z try later, D give up. */
export const letterOfFate = { done: "K", temporary: "Z", permanent: "D" } as const satisfies Record<Fate, string>;

/** The fate a report letter stands for; null for anything but K, Z, D. */
export function fateOfLetter(letter: string): Fate | null {
  return letter === "K" ? "done" : letter === "Z" ? "temporary" : letter === "D" ? "permanent" : null;
}

/** qmail's exit codes for programs: 0 done, 111 temporary, 100 permanent. */
export function exitCodeFor(fate: Fate): 0 | 111 | 100 {
  return fate === "done" ? 0 : fate === "temporary" ? 111 : 100;
}
