import assert from "node:assert/strict";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Address } from "#mail";
import { openUserSources } from "./find-user.ts";
import { recipientExists, searchInstructions } from "./recipient-exists.ts";
import { loadRouting } from "./routing.ts";
import { assignIn, folderWith } from "./test-home.ts";

/** Asks a home with these files about an address; users/cdb gives joe and alias (uid 7) folders of that home. */
async function asker(t: TestContext, files: Readonly<Record<string, string>>) {
  const home = await folderWith(t, { "control/me": "a.org\n", "joe/": "", "alias/": "", ...files });
  await assignIn(home, [
    `=joe:joe:7:7:${home}/joe:::`,
    `+joe-:joe:7:7:${home}/joe:-::`,
    `+gone-:gone:7:7:${home}/gone:-::`,
    "=root:root:0:0:/root:::",
    `+:alias:7:7:${home}/alias:-::`,
  ]);
  const sources = openUserSources(home, { passwd: join(home, "none"), nameService: null });
  const routing = loadRouting(home);
  return { home, exists: (address: string) => recipientExists(address as Address, routing, sources) };
}

test("a user exists; an extension or an alias exists if an instruction file answers [Q-270]", async (t) => {
  const { exists } = await asker(t, {
    "joe/.qmail-list": "",
    "joe/.qmail-a-default": "",
    "alias/.qmail-postmaster": "&joe\n",
    "alias/.qmail-john:doe": "&joe\n",
  });
  for (const [address, expected] of [
    ["joe@a.org", "yes"],
    ["joe-list@a.org", "yes"],
    ["JOE-LIST@A.ORG", "yes"],
    ["joe-a-b@a.org", "yes"],
    ["joe-b@a.org", "no"],
    ["Postmaster@a.org", "yes"],
    ["john.doe@a.org", "yes"],
    ["nobody@a.org", "no"],
    ["toor@a.org", "no"],
    ["@a.org", "yes"],
    ["anyone@far.net", "yes"],
  ] as const)
    assert.equal(await exists(address), expected, address);
});

test("mail to root is nobody's without an alias for it [Q-266]", async (t) => {
  const files = { "control/me": "a.org\n", passwd: "root:x:0:0:root:/root:/bin/sh\n", "alias/": "" };
  const home = await folderWith(t, files);
  const sources = openUserSources(home, { passwd: join(home, "passwd"), nameService: null, superuser: true });
  const exists = () => recipientExists("root@a.org" as Address, loadRouting(home), sources);
  assert.equal(await exists(), "no");
  await writeFile(join(home, "alias/.qmail-root"), "&joe@a.org\n");
  assert.equal(await exists(), "yes");
});

test("virtual domains are asked by their rewritten address", async (t) => {
  const { exists } = await asker(t, { "control/virtualdomains": "v.org:joe-v\n", "joe/.qmail-v-info": "" });
  assert.equal(await exists("info@v.org"), "yes");
  assert.equal(await exists("other@v.org"), "no");
});

test("what cannot be told now is deferred: no home, no entry, uid 0 [Q-271]", async (t) => {
  const { exists } = await asker(t, {});
  assert.equal(await exists("gone-x@a.org"), "defer");
  assert.equal(await exists("root@a.org"), "defer");
});

test("a home we may not look into is deferred [Q-271]", {
  skip: process.getuid?.() === 0 && "root may look anywhere",
}, async (t) => {
  const { home, exists } = await asker(t, { "joe/.qmail-list": "" });
  await chmod(join(home, "joe"), 0o000);
  try {
    assert.equal(await exists("joe-list@a.org"), "defer");
    assert.equal(await exists("joe@a.org"), "yes");
  } finally {
    await chmod(join(home, "joe"), 0o700); // or the folder cannot be removed
  }
});

test("an instruction file that is a directory is none [Q-165]", async (t) => {
  const { home, exists } = await asker(t, { "joe/.qmail-list/": "" });
  assert.equal(await exists("joe-list@a.org"), "no");
  const route = { user: "joe", uid: 7, gid: 7, home: `${home}/joe`, dash: "-", ext: "list" };
  const { result, looked } = await searchInstructions(route);
  assert.equal(result, "none");
  assert.deepEqual(
    looked.map(({ file, sight }) => `${file.file} ${sight}`),
    [".qmail-list none", ".qmail-default none"],
  );
});
