import type { Program } from "#process";
import { runServer, tcpKind } from "#ucspi";

/** `tcpserver [options] host port program [arg ...]`: accepts TCP connections and gives each the program (see `#ucspi`). Ends at SIGTERM. */
export const main: Program = (call) => runServer(call, tcpKind);
