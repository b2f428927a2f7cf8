import assert from "node:assert/strict";
import { test } from "node:test";
import { UsageError } from "#process";
import { readOptions } from "./options.ts";

test("without words the start listens on loopback, on high ports", () => {
  assert.deepEqual(readOptions([]), {
    home: null,
    host: "127.0.0.1",
    ports: { smtp: 2525, submission: 2587, smtps: 2465, pop3: 2110, pop3s: 2995, metrics: 2595 },
    smtpd: null,
    quiet: false,
    help: false,
  });
});

test("any subset of ports is steerable, both ways of writing an option are read", () => {
  const words =
    "--home d --port smtp=3525 --port=submission=3587 --port pop3=3110 --port metrics=off --quiet --smtpd=3";
  const { home, ports, quiet, smtpd } = readOptions(words.split(" "));
  assert.deepEqual(
    { home, ports, quiet, smtpd },
    {
      home: "d",
      ports: { smtp: 3525, submission: 3587, smtps: 2465, pop3: 3110, pop3s: 2995, metrics: null },
      quiet: true,
      smtpd: 3,
    },
  );
});

const wrong: readonly (readonly [words: string, sentence: RegExp])[] = [
  ["--hoem x", /unknown option --hoem/],
  ["here", /unknown option here/],
  ["--home", /--home wants a value/],
  ["--home=", /--home wants the name of a folder/],
  ["--port smtp", /--port smtp: NAME=N is wanted/],
  ["--port smtp=0", /--port smtp=0: NAME=N is wanted, N from 1 to 65535/],
  ["--port smtp=65536", /N from 1 to 65535/],
  ["--port imapd=1", /there is no service "imapd" with a port/],
  ["--port constructor=1", /there is no service "constructor" with a port/],
  ["--host localhost", /--host localhost is no IP address/],
  ["--smtpd 0", /--smtpd 0: a number from 1 to 64 is wanted/],
  ["--quiet=yes", /unknown option --quiet=yes/],
];

test("a wrong word is told in one sentence that points to --help", () => {
  for (const [words, sentence] of wrong) {
    assert.throws(
      () => readOptions(words.split(" ")),
      (error) => error instanceof UsageError && sentence.test(error.message) && error.message.includes("--help"),
      words,
    );
  }
});
