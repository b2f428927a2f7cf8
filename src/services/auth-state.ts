/**
 * What the auth service must remember beyond its own end: it comes and goes with those who log in. Kept in `run/auth-state.json`, mode
 * 0600: the seed of invented salts, failures and bans, what users have sent. Losing it costs no more than a guesser's second start.
 */
import { randomBytes } from "node:crypto";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { GuardState, SentState } from "#auth";

export type AuthState = {
  readonly seed: string;
  readonly guard: GuardState;
  readonly sent: SentState;
};

const seedBytes = 32;
const path = (home: string): string => join(home, "run", "auth-state.json");

const fresh = (): AuthState => ({
  seed: randomBytes(seedBytes).toString("base64url"),
  guard: { bans: [], scores: [] },
  sent: [],
});

const isState = (value: unknown): value is AuthState =>
  typeof value === "object" &&
  value !== null &&
  "seed" in value &&
  typeof value.seed === "string" &&
  "guard" in value &&
  typeof value.guard === "object" &&
  "sent" in value &&
  Array.isArray(value.sent);

/** What was kept; of a file that is missing or broken off, a new state. */
export function loadAuthState(home: string): AuthState {
  try {
    const kept: unknown = JSON.parse(readFileSync(path(home), "utf8"));
    return isState(kept) ? kept : fresh();
  } catch {
    return fresh(); // Missing, or cut short by a crash: nothing in it is worth more than a start.
  }
}

/** Keeps the state. Throws what the disk says. */
export function saveAuthState(home: string, state: AuthState): void {
  const made = `${path(home)}.${process.pid}`;
  try {
    rmSync(made, { force: true });
    // A file of our own making: what somebody may have laid there, a link maybe, is not written through.
    writeFileSync(made, JSON.stringify(state), { mode: 0o600, flag: "wx" });
    renameSync(made, path(home));
  } catch (error) {
    rmSync(made, { force: true });
    throw error;
  }
}
