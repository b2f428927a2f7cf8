import { mailsubj } from "#inject";
import type { Program } from "#process";

/** `mailsubj subject recip ...`: mails stdin. */
export const main: Program = (call) => mailsubj(call);
