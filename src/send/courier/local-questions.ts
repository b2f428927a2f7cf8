import type { Fate, LocalRoute } from "#mail";

/** Frames of the `local` service's socket (`run/local`). */
export const localFrames = {
  /** recipient, as routed */
  resolve: 1,
  /** JSON: a `Resolved` */
  resolved: 2,
  /** address, as in RCPT */
  exists: 3,
  /** `yes`, `no` or `defer` */
  existence: 4,
} as const;

/** What RESOLVE answers: whose mail it is and the absolute path of the worker's socket, or how the delivery ends right away. */
export type Resolved =
  | { readonly kind: "route"; readonly route: LocalRoute; readonly worker: string }
  | { readonly kind: "outcome"; readonly fate: Fate; readonly text: string };
