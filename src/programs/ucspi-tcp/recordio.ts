import type { Program } from "#process";
import { recording, runInterposed } from "#ucspi";

/** `recordio program [arg ...]`: runs the program and logs on stderr all that it reads and writes. */
export const main: Program = (call) => runInterposed(call, "recordio", recording);
