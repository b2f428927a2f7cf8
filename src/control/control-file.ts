import type { ByteString } from "#bytes";

/** When a change takes effect: `no` = restart the reader, `HUP` = send it SIGHUP, `live` = the next connection or delivery sees it. */
export type Reload = "no" | "HUP" | "live";

/** Where the file comes from: qmail itself, the book's installation, Quail, or a widespread patch to qmail. */
export type Since = "qmail" | "book" | "quail" | "patch";

/** Judges one entry (a list's line, a value, a map's line); null if it is fine, else what is wrong, as the end of a sentence. */
export type EntryCheck = (entry: ByteString) => string | null;

/** What every catalogue entry says about its file. */
export type Facts = {
  /** One sentence: what the setting means. */
  readonly meaning: string;
  /** Services and programs that read it; empty: known from a patch, but nothing here reads it. */
  readonly usedBy: readonly string[];
  readonly reload: Reload;
  readonly since: Since;
  /** A content as it may stand in the file. */
  readonly example: string;
  readonly check?: EntryCheck;
  /** Why nothing here reads it, as the end of a sentence; every file without a reader has it. */
  readonly unread?: string;
  /** An empty value is a setting of its own here, not a slip. */
  readonly mayBeEmpty?: true;
};

/** A missing file means control/me, and without that its own name as a placeholder, an error, or nothing (spec 3.1). */
export type FromMe = { readonly me: "or-its-own-name" | "or-an-error" | "or-nothing" };

/**
 * One kind of control file. `value`: the first line. `number`: its leading digits. `flag`: a value, on when `1`, `yes`, `on`,
 * off when `0`, `no`, `off` or empty. `list`: a line an entry. `map`: `key:value` lines. `text`: all of it. `binary`: made by a program, not by hand.
 */
export type ControlFile =
  | (Facts & { readonly kind: "value"; readonly fallback: FromMe | string | null })
  | (Facts & { readonly kind: "number"; readonly fallback: number })
  | (Facts & { readonly kind: "flag"; readonly fallback: boolean })
  | (Facts & { readonly kind: "list"; readonly fallback: FromMe | null })
  | (Facts & { readonly kind: "map"; readonly fallback: null })
  | (Facts & { readonly kind: "text"; readonly fallback: string | null })
  | (Facts & { readonly kind: "binary"; readonly fallback: null });

/** Makers that keep a kind and its default for the type of `readSetting`. */
export const value = <const F extends FromMe | string | null>(fallback: F, facts: Facts) =>
  ({ ...facts, kind: "value", fallback }) as const;
export const number = (fallback: number, facts: Facts) => ({ ...facts, kind: "number", fallback }) as const;
export const flag = (fallback: boolean, facts: Facts) => ({ ...facts, kind: "flag", fallback }) as const;
export const list = <const F extends FromMe | null>(fallback: F, facts: Facts) =>
  ({ ...facts, kind: "list", fallback }) as const;
export const map = (facts: Facts) => ({ ...facts, kind: "map", fallback: null }) as const;
export const text = <const F extends string | null>(fallback: F, facts: Facts) =>
  ({ ...facts, kind: "text", fallback }) as const;
export const binary = (facts: Facts) => ({ ...facts, kind: "binary", fallback: null }) as const;
