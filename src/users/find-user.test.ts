import assert from "node:assert/strict";
import { chown, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { temporary } from "#mail";
import { HomeTrouble } from "./account.ts";
import { explainUser, type FoundUser, findUser, openUserSources, type UserSources } from "./find-user.ts";
import { assignIn, folderWith } from "./test-home.ts";

const me = process.getuid?.() ?? 0;
const root = me === 0;

/** `user uid «dash» «ext»` or the outcome's text. */
const said = (found: FoundUser): string =>
  found.kind === "outcome"
    ? `${found.outcome.fate}: ${found.outcome.text}`
    : `${found.route.user} ${found.route.uid} «${found.route.dash}» «${found.route.ext}»`;

const find = async (local: string, sources: UserSources): Promise<string> => said(await findUser(local, sources));

async function check(sources: UserSources, rows: readonly (readonly [string, string])[]): Promise<void> {
  for (const [local, expected] of rows) assert.equal(await find(local, sources), expected, local);
}

/**
 * Sources whose homes are a literal: `owners` maps a home to its owner's uid; a home that is not there is missing.
 * `accounts` are passwd lines' `name:uid:home`.
 */
function literal(accounts: readonly string[], owners: Readonly<Record<string, number>>): UserSources {
  const table = new Map(
    accounts.map((line) => {
      const [name = "", uid, home = ""] = line.split(":");
      return [name, { name, uid: Number(uid), gid: Number(uid) + 1, home }];
    }),
  );
  return {
    home: "/var/qmail",
    account: async (name) => table.get(name) ?? null,
    ownerOf: async (folder) => {
      const uid = owners[folder];
      return uid === undefined ? null : { uid, gid: uid };
    },
    aliasName: "alias",
    breakCharacter: "-",
    assigned: () => null,
    refusal: () => null,
    superuser: false,
  };
}

const alias = "alias:70:/var/qmail/alias";

test("a user's name in any case is the user, and keeps no extension [Q-116]", async () => {
  await check(literal(["joe:101:/home/joe"], { "/home/joe": 101 }), [
    ["joe", "joe 101 «» «»"],
    ["JOE", "joe 101 «» «»"],
  ]);
});

test("the longest account name wins, the rest is the extension in its own case [Q-117]", async () => {
  const homes = { "/home/joe": 101, "/home/joe-foo": 102 };
  await check(literal(["joe:101:/home/joe", "joe-foo:102:/home/joe-foo", alias], homes), [
    ["joe-foo", "joe-foo 102 «» «»"],
    ["joe-foo-bar", "joe-foo 102 «-» «bar»"],
    ["Joe-Fo-Bar", "joe 101 «-» «Fo-Bar»"],
    ["joe-", "joe 101 «-» «»"],
    ["-joe", "alias 70 «-» «-joe»"],
  ]);
  await check(literal(["joe:101:/home/joe", alias], homes), [["joe-foo-bar", "joe 101 «-» «foo-bar»"]]);
});

test("uid 0 is never a user: its mail is alias's [Q-118]", async () => {
  await check(literal(["root:0:/root", alias], { "/root": 0 }), [
    ["root", "alias 70 «-» «root»"],
    ["root-x", "alias 70 «-» «root-x»"],
  ]);
});

test("an account whose home is another's, or missing, or no path is passed over [Q-119] [Q-120]", async () => {
  const accounts = ["a:101:/home/a", "a-b:102:/home/ab", "gone:103:/home/gone", "odd:104:home/odd", alias];
  await check(literal(accounts, { "/home/a": 101, "/home/ab": 0, "home/odd": 104 }), [
    ["a-b", "a 101 «-» «b»"],
    ["gone", "alias 70 «-» «gone»"],
    ["odd", "alias 70 «-» «odd»"],
  ]);
});

test("a home that cannot be looked at now makes the mail wait [Q-120]", async () => {
  const sources: UserSources = {
    ...literal(["joe:101:/nfs/joe", alias], {}),
    ownerOf: async () => {
      throw new HomeTrouble("unable to stat /nfs/joe: stale NFS file handle");
    },
  };
  await check(sources, [["joe-x", "temporary: NFS failure in qmail-local."]]);
});

test("a password database that says try again makes the mail wait", async () => {
  const sources: UserSources = {
    ...literal([], {}),
    account: async () => {
      throw new Error("busy");
    },
  };
  await check(sources, [["joe", "temporary: Temporary failure in qmail-lspawn."]]);
});

test("an account name with upper case is never matched [Q-121]", async () => {
  await check(literal(["Fred:101:/home/fred", alias], { "/home/fred": 101 }), [
    ["Fred", "alias 70 «-» «Fred»"],
    ["fred", "alias 70 «-» «fred»"],
  ]);
});

test("31 characters are a name, 32 are not [Q-122]", async () => {
  const long = "a".repeat(31);
  const sources = literal([`${long}:101:/home/a`, `${long}b:102:/home/b`, alias], { "/home/a": 101, "/home/b": 102 });
  await check(sources, [
    [long, `${long} 101 «» «»`],
    [`${long}-x`, `${long} 101 «-» «x»`],
    [`${long}b`, `alias 70 «-» «${long}b»`],
    [`${long}b-x`, `alias 70 «-» «${long}b-x»`],
  ]);
});

test("what nobody claims is alias's, with the whole local part for extension [Q-123]", async () => {
  await check(literal([alias], { "/var/qmail/alias": 70 }), [
    ["No-Body", "alias 70 «-» «No-Body»"],
    ["alias-x", "alias 70 «-» «x»"],
    ["alias", "alias 70 «» «»"],
  ]);
  await check(literal([], {}), [["nobody", "temporary: Unable to find alias user!"]]);
});

test("an empty local part is thrown away with success and no text [Q-113]", async () => {
  await check(literal([], {}), [["", "done: "]]);
});

test("another delimiter divides, the dash stays a hyphen; without one there are no extensions", async () => {
  const sources = literal(["joe:101:/home/joe", alias], { "/home/joe": 101 });
  await check({ ...sources, breakCharacter: "+" }, [
    ["joe+x", "joe 101 «-» «x»"],
    ["joe-x", "alias 70 «-» «joe-x»"],
  ]);
  await check({ ...sources, breakCharacter: "" }, [["joe-x", "alias 70 «-» «joe-x»"]]);
});

/** A home with an alias folder and users/cdb, and a passwd file of `name:uid:gid:home`. */
async function realSources(
  t: TestContext,
  accounts: readonly string[],
  assign: readonly string[] = [],
): Promise<{ readonly home: string; readonly sources: UserSources }> {
  const home = await folderWith(t, { "alias/": "" });
  await assignIn(home, assign);
  const lines = accounts.map((line) => {
    const [name, uid, gid, folder] = line.replaceAll("HOME", home).split(":");
    return `${name}:x:${uid}:${gid}:Some One,,,:${folder}:/bin/sh\n`;
  });
  await writeFile(join(home, "passwd"), lines.join(""));
  return { home, sources: openUserSources(home, { passwd: join(home, "passwd"), nameService: null }) };
}

test("users/cdb comes before the accounts; one entry's uid 0 waits for ever [Q-124] [Q-131]", async (t) => {
  const { sources } = await realSources(
    t,
    [`joe:${me}:1:HOME`],
    ["=joe:other:7001:7002:/home/other:-:x:", "+joe-:wild:7003:7004:/w:-::", "=root:root:0:0:/root:::"],
  );
  await check(sources, [
    ["joe", "other 7001 «-» «x»"],
    ["joe-y", "wild 7003 «-» «y»"],
    ["root", "temporary: Not allowed to perform deliveries as root."],
  ]);
});

test("a corrupt users/cdb makes all mail wait, the accounts' too [Q-130]", async (t) => {
  const { home, sources } = await realSources(t, []);
  await writeFile(join(home, "users/cdb"), "x");
  await check(sources, [["joe", "temporary: Trouble reading users/cdb in qmail-lspawn."]]);
});

test("homes are looked at on disk, and the passwd file is read again when it changes", {
  skip: !root && "needs root to give homes away",
}, async (t) => {
  const { home, sources } = await realSources(t, ["joe:70001:70001:HOME/joe", "ann:70002:70002:HOME/ann"]);
  await mkdir(join(home, "joe"));
  await mkdir(join(home, "ann"));
  await chown(join(home, "alias"), 70009, 70009);
  await chown(join(home, "joe"), 70001, 70001);
  await check(sources, [
    ["joe-x", "joe 70001 «-» «x»"],
    ["ann", "alias 70009 «-» «ann»"],
  ]);
  await chown(join(home, "ann"), 70002, 70002);
  await rm(join(home, "joe"), { recursive: true });
  await check(sources, [
    ["joe-x", "alias 70009 «-» «joe-x»"],
    ["ann", "ann 70002 «» «»"],
  ]);
  await writeFile(join(home, "passwd"), "");
  await check(sources, [["ann", "alias 70009 «-» «ann»"]]);
});

test("a home of our own needs no alias account: the folder's owner is alias", {
  skip: root && "the folder would be root's",
}, async (t) => {
  const { home, sources } = await realSources(t, []);
  await check(sources, [
    ["postmaster", `alias ${me} «-» «postmaster»`],
    ["alias-catchall-x", `alias ${me} «-» «catchall-x»`],
  ]);
  const found = await findUser("postmaster", sources);
  assert.equal(found.kind === "route" && found.route.home, join(home, "alias"));
  await rm(join(home, "alias"), { recursive: true });
  await check(sources, [["postmaster", "temporary: Unable to find alias user!"]]);
});

test("an alias folder that is root's gets no mail, unless a trial start allows it", {
  skip: !root && "needs root",
}, async (t) => {
  const { sources } = await realSources(t, []);
  await check(sources, [["postmaster", "temporary: Not allowed to perform deliveries as root."]]);
  await check({ ...sources, superuser: true }, [["postmaster", "alias 0 «-» «postmaster»"]]);
});

test("a process that serves one uid says so to everyone else's mail", async () => {
  const sources = literal(["joe:101:/home/joe", "ann:102:/home/ann"], { "/home/joe": 101, "/home/ann": 102 });
  const refusal: UserSources["refusal"] = ({ uid }) => (uid === 101 ? null : temporary("not here"));
  await check({ ...sources, refusal }, [
    ["joe", "joe 101 «» «»"],
    ["ann", "temporary: not here"],
  ]);
});

test("accounts that stand in no file are asked of the name service, and only those", async (t) => {
  const home = await folderWith(t, { passwd: "infile:x:101:101::/home/infile:/bin/sh\n", "alias/": "" });
  const asked: string[] = [];
  const sources: UserSources = {
    ...openUserSources(home, {
      passwd: join(home, "passwd"),
      nameService: async (name) => {
        asked.push(name);
        return name === "ldap" ? { name, uid: 201, gid: 201, home: "/home/ldap" } : null;
      },
    }),
    ownerOf: async (folder) => (folder === "/home/ldap" ? { uid: 201, gid: 201 } : { uid: 101, gid: 101 }),
  };
  await check(sources, [
    ["infile", "infile 101 «» «»"],
    ["ldap-x", "ldap 201 «-» «x»"],
  ]);
  assert.deepEqual(asked, ["ldap-x", "ldap"]);
});

test("the system's name service knows the accounts of this machine", async (t) => {
  const sources = openUserSources("/nonexistent", { passwd: "/nonexistent/passwd" });
  const account = await sources.account("root");
  if (account === null) return t.skip("no koffi, or nsswitch.conf names the files alone");
  assert.deepEqual(account, { name: "root", uid: 0, gid: 0, home: account.home });
  assert.equal(await sources.account("no-such-account-here"), null);
});

test("explain lists every question and its answer", async () => {
  const sources = literal(["joe:101:/home/joe", "joe-a:102:/home/gone", alias], { "/home/joe": 101 });
  const { questions, found } = await explainUser("joe-a-b", sources);
  assert.deepEqual(
    questions.map(({ question, answer }) => `${question}? ${answer}`),
    [
      "users/cdb? no entry",
      "account joe-a-b? no such account",
      "account joe-a? its home /home/gone is missing or out of sight",
      "account joe? yes",
    ],
  );
  assert.equal(found.via, "account joe");
  assert.equal(said(found), "joe 101 «-» «a-b»");
});
