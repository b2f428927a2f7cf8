/**
 * A DNS server for tests: a literal zone on loopback, UDP and TCP on one free port, that can also lie. Never used outside
 * tests; it is here so that tests of other rooms start the same one (`#dns/testing`).
 */
export { startTestDns, type TestDns, type TestFault, type TestName, type TestZone } from "./test-server.ts";
