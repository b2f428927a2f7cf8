/**
 * Room `ucspi`: the UNIX Client-Server Program Interface, what the programs of ucspi-tcp are made of. A server accepts connections, asks
 * DNS and IDENT about them, judges them by rules, and gives each a program: a function call in this process if the program is
 * ours (the zero-fork chain), a child on the socket if it is not. A client calls a host and becomes its program. Between them stand
 * filters and recorders. Owns nothing on disk. For `programs/ucspi-tcp` only.
 */
export { askLists, type BlockVerdict, verdictOfVariable } from "./block-list.ts";
export { addCr, type ByteFilter, bodyOnly, catV, delCr, fixCr } from "./carriage-returns.ts";
export { copyThrough } from "./copy-through.ts";
export { fixing, recording, runInterposed } from "./interpose.ts";
export { resolverOf } from "./look-up.ts";
export { rejectSession } from "./reject-session.ts";
export { openRuleBook, renderRuleDatabase } from "./rule-database.ts";
export { type Connecting, connectTo, runClient } from "./run-client.ts";
export { runServer, tcpKind } from "./run-server.ts";
export { scanNumber } from "./scan-number.ts";
export { readFd, writeFd } from "./six-and-seven.ts";
