import assert from "node:assert/strict";
import { test } from "node:test";
import { dateDigits, mailDate, zonedMailDate } from "./date.ts";
import { networkTraceLine } from "./network-trace.ts";

const moment = new Date(Date.UTC(1995, 8, 6, 4, 6, 53));

test("dates are written as qmail writes them", () => {
  assert.equal(mailDate(moment), "6 Sep 1995 04:06:53 -0000");
  assert.equal(dateDigits(moment), "19950906040653");
});

test("a zoned date shows local time and its numeric zone [Q-227]", () => {
  const cases: [number, string][] = [
    [0, "6 Sep 1995 04:06:53 +0000"],
    [120, "6 Sep 1995 06:06:53 +0200"],
    [-420, "5 Sep 1995 21:06:53 -0700"],
    [345, "6 Sep 1995 09:51:53 +0545"],
    [-210, "6 Sep 1995 00:36:53 -0330"],
  ];
  for (const [offset, expected] of cases) assert.equal(zonedMailDate(moment, offset), expected);
});

test("a trace line tells where a message came from, with tamed words", () => {
  const trace = {
    remoteHost: "a.test",
    remoteIp: "192.0.2.1",
    remoteInfo: "x y",
    localName: "mx.test",
    helo: null,
  } as const;
  assert.equal(
    networkTraceLine({ ...trace, protocol: "QMTP" }, moment),
    "Received: from a.test (x?y@192.0.2.1)\n  by mx.test with QMTP; 6 Sep 1995 04:06:53 -0000\n",
  );
  assert.match(networkTraceLine({ ...trace, protocol: "SMTP", helo: "A.TEST" }, moment), /^Received: from a\.test \(x/);
  assert.match(networkTraceLine({ ...trace, protocol: "SMTP", helo: "(h)" }, moment), / \(HELO \?h\?\) /);
});
