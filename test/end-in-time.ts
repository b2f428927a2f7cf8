/**
 * Loaded into every test process: a file whose tests are over and which still does not end has left something open. It is told
 * what, and ended as failed, instead of holding everything up for ever.
 */
import { after } from "node:test";

/** What tests close may take a moment to be gone. */
const graceMs = 20_000;

after(() => {
  setTimeout(() => {
    process.stderr.write(`this test file does not end; still open: ${process.getActiveResourcesInfo().join(", ")}\n`);
    process.exit(1);
  }, graceMs).unref();
});
