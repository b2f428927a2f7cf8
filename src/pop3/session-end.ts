import { WireError, type WireErrorKind } from "#net";

/** How long qmail-popup and qmail-pop3d wait for a client's next word: 20 minutes. */
export const classicIdleMs = 1_200_000;

/** How a conversation ended. `quit` is the only way in which anything is deleted or moved. */
export type SessionEnd = "quit" | "hangup" | "timeout" | "line-too-long" | "too-many-errors" | "failed" | "shutdown";

const ends: Readonly<Record<WireErrorKind, SessionEnd>> = {
  timeout: "timeout",
  closed: "hangup",
  "too-long": "line-too-long",
  failed: "hangup",
};

/** The end a broken wire makes; what is no WireError is thrown on. */
export function endOf(error: unknown): SessionEnd {
  if (error instanceof WireError) return ends[error.kind];
  throw error;
}
