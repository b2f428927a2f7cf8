import type { Program } from "#process";
import { fixing, runInterposed } from "#ucspi";

/** `fixcrio program [arg ...]`: runs the program with a CR put before every LF that has none, both ways. */
export const main: Program = (call) => runInterposed(call, "fixcrio", fixing);
