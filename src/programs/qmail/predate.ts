import { predate } from "#inject";
import type { Program } from "#process";

/** `predate child`: runs the child with a local-time Date in front of its stdin. */
export const main: Program = (call) => predate(call, new Date());
