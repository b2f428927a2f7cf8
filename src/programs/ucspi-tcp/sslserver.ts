import type { Program } from "#process";
import { runServer } from "#ucspi";
import { sslKind } from "#ucspi/tls";

/** `sslserver [options] host port program [arg ...]`: tcpserver with TLS (see `#ucspi/tls`). Ends at SIGTERM. */
export const main: Program = (call) => runServer(call, sslKind);
