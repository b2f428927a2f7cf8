import assert from "node:assert/strict";
import { test } from "node:test";
import { type AccountSources, HomeTrouble } from "./account.ts";
import { getpw } from "./getpw.ts";

const sources: AccountSources = {
  home: "/var/qmail",
  account: async (name) =>
    name === "joe" || name === "alias" ? { name, uid: 101, gid: 102, home: `/home/${name}` } : null,
  ownerOf: async () => ({ uid: 101, gid: 102 }),
  aliasName: "alias",
  breakCharacter: "-",
};

const answer = async (local: string, from: AccountSources): Promise<string> => {
  const { code, output } = await getpw(local, from);
  return `${code} ${output.toString("latin1")}`;
};

test("six fields, a NUL after each [Q-134]", async () => {
  assert.equal(await answer("joe", sources), "0 joe\x00101\x00102\0/home/joe\0\0\0");
  assert.equal(await answer("Joe-Foo\xff", sources), "0 joe\x00101\x00102\0/home/joe\0-\0Foo\xff\0");
  assert.equal(await answer("Who", sources), "0 alias\x00101\x00102\0/home/alias\0-\0Who\0");
});

test("115 a home out of reach, 116 no alias account, 118 the database says try again; no output", async () => {
  const thrower = (error: Error) => async () => {
    throw error;
  };
  assert.equal(await answer("joe", { ...sources, ownerOf: thrower(new HomeTrouble("stale")) }), "115 ");
  assert.equal(await answer("x", { ...sources, account: async () => null, ownerOf: async () => null }), "116 ");
  assert.equal(await answer("x", { ...sources, account: thrower(new Error("busy")) }), "118 ");
});
