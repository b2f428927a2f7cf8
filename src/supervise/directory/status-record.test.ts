import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { reportLine, secondsSince } from "./report-line.ts";
import { stateFolder } from "./state-folder.ts";
import {
  parseStatus,
  renderStatus,
  type ServiceState,
  type StatusRecord,
  serviceStates,
  type Wanted,
} from "./status-record.ts";

const record = (more: Partial<StatusRecord> = {}): StatusRecord => ({
  seconds: 935_467_445,
  nanoseconds: 787_492_500,
  pid: 0x01020304,
  paused: false,
  wanted: "up",
  state: null,
  ...more,
});

test("a status is 18 bytes: TAI64N, process number with the low byte first, paused, wanted [D-006]", () => {
  assert.equal(renderStatus(record()).toString("hex"), "4000000037c219bf2ef02e94040302010075");
  assert.equal(
    renderStatus(record({ paused: true, wanted: "down" }))
      .toString("hex")
      .slice(-4),
    "0164",
  );
  assert.equal(renderStatus(record({ wanted: "once" }))[17], 0);
  assert.equal(renderStatus(record({ pid: 0, paused: true }))[16], 0, "what is down is not paused");
});

test("20 and 40 bytes of daemontools-encore are read, 17 are not [D-027]", () => {
  const long = renderStatus(record({ state: "failed" }));
  assert.equal(long.length, 20);
  assert.deepEqual(parseStatus(long), [record({ state: "failed" })]);
  const ofLog = renderStatus(record({ pid: 7, state: "running" }));
  assert.deepEqual(
    parseStatus(Buffer.concat([long, ofLog]))?.map(({ pid }) => pid),
    [0x01020304, 7],
  );
  assert.equal(parseStatus(long.subarray(0, 17)), null);
});

test("what is written is read again, and no bytes throw", () => {
  const parts = {
    seconds: fc.integer({ min: 0, max: 2 ** 40 }),
    nanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
    pid: fc.integer({ min: 1, max: 2 ** 22 }),
    paused: fc.boolean(),
    wanted: fc.constantFrom<Wanted>("up", "down", "once"),
    state: fc.constantFrom<ServiceState | null>(null, ...serviceStates),
  };
  const records = fc.record(parts, { noNullPrototype: true });
  fc.assert(fc.property(records, (one) => assert.deepEqual(parseStatus(renderStatus(one)), [one])));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => void parseStatus(Buffer.from(bytes))));
});

test("svstat's line for up, down, paused and each suffix [D-033]", () => {
  const now = record().seconds * 1000 + 5_999;
  const rows: readonly (readonly [Partial<StatusRecord>, boolean, string])[] = [
    [{ pid: 9 }, true, "up (pid 9) 5 seconds"],
    [{ pid: 9 }, false, "up (pid 9) 5 seconds, normally down"],
    [{ pid: 9, paused: true, wanted: "down" }, true, "up (pid 9) 5 seconds, paused, want down"],
    [{ pid: 0, wanted: "down" }, false, "down 5 seconds"],
    [{ pid: 0, wanted: "down" }, true, "down 5 seconds, normally up"],
    [{ pid: 0 }, false, "down 5 seconds, want up"],
    [{ pid: 9, wanted: "once", state: "running" }, true, "up (pid 9) 5 seconds, once, running"],
  ];
  for (const [more, normallyUp, line] of rows) assert.equal(reportLine(record(more), normallyUp, now), line);
});

test("a stamp of the future is now [D-034]", () => {
  assert.equal(secondsSince(record({ seconds: 2_000_000_000 }), 0), 0);
});

test("SUPERVISEDIR says where the state lies", () => {
  assert.equal(stateFolder({}, "/service/a"), "supervise");
  assert.equal(stateFolder({ SUPERVISEDIR: ".state" }, "/service/a"), ".state");
  assert.equal(stateFolder({ SUPERVISEDIR: "/run/sv" }, "/service/a"), "/run/sv/service:a");
});
