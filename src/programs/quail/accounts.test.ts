import assert from "node:assert/strict";
import { test } from "node:test";
import { accountCommands } from "./accounts.ts";

test("the commands make the two groups, then the five accounts that a start as root looks for", () => {
  const lines = accountCommands("/srv/it's");
  assert.deepEqual(
    lines.map((line) => line.split(" ").at(-1)),
    ["nofiles", "qmail", "alias", "qmaild", "qmailf", "qmailk", "qmaill", "qmailq", "qmailr"],
  );
  assert.equal(
    lines[2],
    "getent passwd alias >/dev/null || useradd --system --no-create-home --gid nofiles --home-dir '/srv/it'\\''s/alias' --shell /bin/false alias",
  );
});
