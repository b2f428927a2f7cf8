import type { Case } from "./case.ts";

/** Sessions per second through STARTTLS. Quail has no TLS yet; the change that brings it fills this in. */
export const tls: Case = {
  name: "tls",
  title: "TLS sessions per second",
  minutes: () => 0,
  run: async () => ({
    table: { heads: ["server", "sessions/s"], rows: [["Quail", "not yet"]] },
    notes: ["Quail has no TLS yet."],
    data: null,
  }),
};
