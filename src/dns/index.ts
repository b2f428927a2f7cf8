/**
 * Room `dns`: questions to the Domain Name System over our own wire client (UDP, TCP, EDNS0) with a bounded cache. Asks the
 * servers of `control/dnsservers` or /etc/resolv.conf, never /etc/hosts (spec G6). Results are values; nothing here throws for
 * what a server does. Owns nothing on disk. Tests of any room start a server with a zone of their own from `#dns/testing`.
 */
export { dnsName } from "./name.ts";
export {
  type Exchanger,
  makeResolver,
  type Resolved,
  type Resolver,
  type ResolverParts,
  type ServiceHost,
} from "./resolver.ts";
export { reverseName } from "./reverse-name.ts";
export { type DnsServer, liveServers, parseServer, readServers } from "./servers.ts";
