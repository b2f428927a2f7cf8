/**
 * Room `net`: sockets without any mail in them. A `LineWire` pulls lines and counted bytes from a peer with deadlines; a
 * `FrameLink` carries numbered frames between two services of the house; `socketPath` makes long Unix paths fit.
 */
export { type ConnectFailure, connectTcp, connectUnix } from "./connect.ts";
export { type Frame, FrameLink, maxFrameBytes } from "./frame-link.ts";
export { hostOf } from "./host-of.ts";
export { joinStreams } from "./join-streams.ts";
export { LineWire, WireError, type WireErrorKind } from "./line-wire.ts";
export { type Networks, parseNetworks, plainIp } from "./networks.ts";
export { isOwnAddress } from "./own-addresses.ts";
export { type ProxyHeader, readProxyHeader } from "./proxy-protocol.ts";
export { type BadTcpRule, type KeyedTcpRule, parseTcpRuleLines, type TcpRule } from "./tcp-rule-lines.ts";
export { allowAll, allWidths, parseTcpRules, type TcpPeer, type TcpRules, tcpRuleKeys } from "./tcp-rules.ts";
export { closeServer, listenUnix, socketPath } from "./unix.ts";
