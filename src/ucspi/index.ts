/**
 * Room `ucspi`: the UNIX Client-Server Program Interface, what the programs of ucspi-tcp are made of. A server accepts connections, asks
 * DNS and IDENT about them, judges them by rules, and gives each a program: a function call in this process if the program is
 * ours (the zero-fork chain), a child on the socket if it is not. Owns nothing on disk. For `programs/ucspi-tcp` only.
 */
export { openRuleBook, renderRuleDatabase } from "./rule-database.ts";
export { runServer, tcpKind } from "./run-server.ts";
