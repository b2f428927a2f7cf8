/** For tests: zones as literals, messages with known signatures, one call that proves a whole message. */
export { allChecks, proveMessage } from "./prove.ts";
export { rfc8463Message, rfc8463Zone } from "./rfc8463.ts";
export { type ZoneName, zoneDns } from "./zone.ts";
