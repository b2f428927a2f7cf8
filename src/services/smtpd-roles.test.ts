import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "./service.ts";
import { serveRoles } from "./smtpd-roles.ts";

const start = (words: readonly string[]) => ({
  home: "/h",
  options: new Map(words.map((word): [string, string] => word.split("=", 2) as [string, string])),
  log: () => {},
});

test("one process serves each role with its own options, and closes both", async () => {
  const seen: Record<string, string>[] = [];
  let closed = 0;
  const serveRole: Service = async ({ options }) => {
    seen.push(Object.fromEntries(options));
    return { close: async () => void closed++ };
  };
  const both = await serveRoles(serveRole)(start(["processes=2", "smtp:listen=a:1", "submission:listen-fd=7"]));
  assert.deepEqual(seen, [
    { role: "smtp", processes: "2", listen: "a:1" },
    { role: "submission", processes: "2", "listen-fd": "7" },
  ]);
  await both.close();
  assert.equal(closed, 2);
  seen.length = 0;
  await serveRoles(serveRole)(start(["role=submission", "listen=b:2"]));
  assert.deepEqual(seen, [{ role: "submission", listen: "b:2" }]);
});

test("a role that cannot start takes the other one along", async () => {
  let closed = 0;
  const serveRole: Service = async ({ options }) => {
    if (options.get("role") === "submission") throw new Error("port taken");
    return { close: async () => void closed++ };
  };
  await assert.rejects(serveRoles(serveRole)(start(["smtp:listen=1", "submission:listen=2"])), /port taken/);
  assert.equal(closed, 1);
});
