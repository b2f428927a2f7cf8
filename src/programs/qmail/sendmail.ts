import { sendmail } from "#inject";
import type { Program } from "#process";

/** `sendmail`, `mailq`, `newaliases`: what programs that know only sendmail call. */
export const main: Program = (call) => sendmail(call);
