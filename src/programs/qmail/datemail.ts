import type { Program } from "#process";

/** `datemail ...`: sendmail with a local-time Date. */
export const main: Program = (call) => call.exec(["predate", "sendmail", ...call.args]);
