import type { Program } from "#process";
import { runTlsClient } from "#ucspi/tls";

/** `sslclient [options] host port program [arg ...]`: tcpclient with TLS (see `#ucspi/tls`). */
export const main: Program = (call) => runTlsClient(call);
