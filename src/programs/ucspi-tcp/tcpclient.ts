import type { Program } from "#process";
import { runClient } from "#ucspi";

/** `tcpclient [options] host port program [arg ...]`: connects, and goes on to the program with descriptors 6 and 7 (see `#ucspi`). */
export const main: Program = (call) => runClient(call);
