/**
 * An SMTP server for tests that follows a script, line by line, on a loopback socket; it can fall silent, dribble, babble and
 * hang up. Never used outside tests; tests of other rooms come in by `#smtp/client/testing`.
 */
export { type ScriptedServer, startScripted, type TestTls } from "./scripted-server.ts";
export { makeTestTls } from "./test-tls.ts";
