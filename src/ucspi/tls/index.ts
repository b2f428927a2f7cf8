/** The part of room `ucspi` that speaks TLS (sslserver, sslclient): a door of its own, because tcpserver has no need of node:tls. */
export { sslKind } from "./ssl-kind.ts";
export { runTlsClient } from "./tls-client.ts";
